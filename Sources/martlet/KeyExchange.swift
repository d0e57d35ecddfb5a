import Accounts
import Assembly
import Octets
import Token

/// `martlet keys import` and `martlet keys export`: keys that come from elsewhere, and keys for elsewhere.
enum KeyExchange {
    private static let byteCountMax = 65_536

    static func importKey(_ words: [String]) throws(CommandFault) {
        let arguments = try Arguments.parse(
            words,
            options: [
                .value("--keys"), .value("--alg"), .value("--purpose"), .value("--kid"), .value("--lead"),
            ], operands: ["FILE"])
        let asked = try KeysCommand.algorithm(arguments.value("--alg"))
        let purpose = try purpose(arguments.value("--purpose"))
        let settings = try KeySettings()
        let lead = try arguments.value("--lead").map(KeySettings.milliseconds) ?? settings.lead
        let now = SystemClock.wall.now
        let file = arguments.operands[0]
        let octets = try read(file)
        let key: Key
        do {
            key = try Key(
                importing: octets.span, algorithm: asked, purpose: purpose, kid: arguments.value("--kid"),
                createdAt: now)
        } catch {
            throw .refused("\(file): \(error)")
        }
        let written = try KeysCommand.edit(KeysCommand.directory(arguments), now) { (set) throws(KeyStepFault) in
            try set.admission(of: key, at: now, lead: lead, keep: settings.retention.keep)
        }
        guard let taken = written.first else { return }
        Terminal.write("\(taken.kid)\n")
        Terminal.writeError(
            taken.canSign
                ? "published; signs \(KeyListing.moment(taken.lifecycle.signsFrom))\n" : "verifies; cannot sign\n")
    }

    static func exportKey(_ words: [String]) throws(CommandFault) {
        let arguments = try Arguments.parse(
            words, options: [.value("--keys"), .flag("--public"), .flag("--private"), .value("--format")],
            operands: ["KID"])
        guard !arguments.has("--public") || !arguments.has("--private") else {
            throw .usage("--public and --private exclude each other")
        }
        let name = arguments.value("--format") ?? "jwk"
        guard let form = KeyForm(rawValue: name) else {
            throw .usage("--format must be one of \(KeyForm.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        let kid = arguments.operands[0]
        guard let key = try KeysCommand.set(KeysCommand.directory(arguments)).key(kid) else {
            throw .refused("\(KeyStepFault.unknown(kid: kid))")
        }
        do throws(KeyFault) {
            let text = try arguments.has("--private") ? key.privateText(form) : key.publicText(form)
            Terminal.write(String(decoding: text, as: UTF8.self))
        } catch {
            let hint = error == .noPublicHalf ? "; --private writes it" : ""
            throw .refused("\(kid): \(error)\(hint)")
        }
    }

    private static func purpose(_ name: String?) throws(CommandFault) -> Key.Purpose {
        guard let name else { return .access }
        guard let purpose = Key.Purpose(rawValue: name) else { throw .usage("--purpose must be access or refresh") }
        return purpose
    }

    private static func read(_ file: String) throws(CommandFault) -> [UInt8] {
        if file == "-" { return try Terminal.readInput(byteCountMax: byteCountMax) }
        do { return try AtomicFile.read(file, byteCountMax: byteCountMax) } catch { throw .accounts(error) }
    }
}
