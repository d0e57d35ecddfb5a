import Accounts
import App
import JOSE
import Keys
import Platform
import Tokens

/// Implements `martlet keys import` and `martlet keys export`.
enum KeyTransfer {
    private static let byteCountMax = 65_536

    static func importKey(_ words: [String]) throws(CommandError) {
        let arguments = try Arguments.parse(
            words,
            options: [
                .value("--keys"), .value("--alg"), .value("--purpose"), .value("--kid"), .value("--lead"),
                .value("--encoding"),
            ], operands: ["FILE"])
        let asked = try KeysCommand.algorithm(arguments.value("--alg"))
        let purpose = try purpose(arguments.value("--purpose"))
        let settings = try KeyCommandSettings()
        let lead = try arguments.value("--lead").map(KeyCommandSettings.milliseconds) ?? settings.lead
        let now = SystemClock.wall.now
        let file = arguments.operands[0]
        let encoding = try SecretEncoding.named(arguments.value("--encoding"), for: asked)
        let octets = try SecretEncoding.keyBytes(in: read(file), asked, encoding, name: file)
        let key: Key
        do {
            key = try Key(
                importing: octets.span, algorithm: asked, purpose: purpose, kid: arguments.value("--kid"),
                createdAt: now)
        } catch {
            throw .refused("\(file): \(error)")
        }
        let written = try KeysCommand.edit(KeysCommand.directory(arguments), now) { (set) throws(KeyStepError) in
            // The first key of a directory signs immediately, because no verifier can have cached an earlier set, and a
            // service also needs a secret for refresh tokens.
            let lead = set.keys.isEmpty ? 0 : lead
            let taken = try set.admission(of: key, at: now, lead: lead, keep: settings.retention.keep)
            guard set.keys.isEmpty, purpose == .access else { return taken }
            return taken + [try KeysCommand.made(.refresh, .hs256, at: now)]
        }
        guard let taken = written.first else { return }
        Terminal.write("\(taken.kid)\n")
        Terminal.writeError(
            taken.canSign
                ? "published; signs \(KeyListing.moment(taken.lifecycle.signsFrom))\n" : "verifies; cannot sign\n")
        try KeysCommand.confirmArrival(of: taken, "import", arguments, at: now)
    }

    static func exportKey(_ words: [String]) throws(CommandError) {
        let arguments = try Arguments.parse(
            words, options: [.value("--keys"), .flag("--public"), .flag("--private"), .value("--format")],
            operands: ["KID"])
        guard !arguments.has("--public") || !arguments.has("--private") else {
            throw .usage("--public and --private cannot be combined")
        }
        let name = arguments.value("--format") ?? "jwk"
        guard let form = KeyForm(rawValue: name) else {
            throw .usage("--format must be one of \(KeyForm.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        let kid = arguments.operands[0]
        guard let key = try KeysCommand.set(KeysCommand.directory(arguments)).key(kid) else {
            throw .refused("\(KeyStepError.unknown(kid: kid))")
        }
        do throws(KeyError) {
            let text = try arguments.has("--private") ? key.privateText(form) : key.publicText(form)
            Terminal.write(String(decoding: text, as: UTF8.self))
        } catch {
            let hint = error == .noPublicHalf ? "; use --private to print it" : ""
            throw .refused("\(kid): \(error)\(hint)")
        }
    }

    private static func purpose(_ name: String?) throws(CommandError) -> Key.Purpose {
        guard let name else { return .access }
        guard let purpose = Key.Purpose(rawValue: name) else { throw .usage("--purpose must be access or refresh") }
        return purpose
    }

    /// Reads standard input or a file unchanged; ``SecretEncoding`` decides which part of it is used.
    private static func read(_ file: String) throws(CommandError) -> [UInt8] {
        if file == "-" { return try Terminal.readInput(byteCountMax: byteCountMax) }
        do { return try AtomicFile.read(file, byteCountMax: byteCountMax) } catch { throw .accounts(.file(error)) }
    }
}
