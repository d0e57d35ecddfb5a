import Accounts
import Encoding
import JOSE
import Tokens

/// Normalizes text from files, variables and pipes as editors leave it, in the same way for all commands.
enum TextBytes {
    private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

    /// Removes a leading UTF-8 byte order mark, which editors on Windows write and no format here allows (RFC 8259
    /// §8.1).
    static func withoutByteOrderMark(_ bytes: [UInt8]) -> [UInt8] {
        bytes.starts(with: byteOrderMark) ? Array(bytes.dropFirst(byteOrderMark.count)) : bytes
    }

    /// Removes one LF or CRLF at the end.
    static func withoutLineEnd(_ bytes: some Collection<UInt8>) -> [UInt8] {
        var rest = Array(bytes)
        guard rest.last == 0x0A else { return rest }
        rest.removeLast()
        if rest.last == 0x0D { rest.removeLast() }
        return rest
    }

    /// Reads a password from standard input: one line, without its line end.
    ///
    /// - Parameter command: the name in the note about a byte order mark or a CRLF, which are invisible.
    static func password(fromInputOf command: String) throws(CommandError) -> [UInt8] {
        let most = PasswordHasher.passwordByteCounts.upperBound
        let input = try Terminal.readInput(byteCountMax: most + byteOrderMark.count + 2)
        let unmarked = withoutByteOrderMark(input)
        let password = withoutLineEnd(unmarked)
        guard password.count <= most else { throw .refused("the password is longer than \(most) bytes") }
        if unmarked.count < input.count || unmarked.count > password.count + 1 {
            Terminal.writeError(
                "note: martlet \(command): the byte order mark or the CRLF around the password is not part of it\n")
        }
        return password
    }

    /// Returns whether all of it is UTF-8 without control characters other than line ends and tabs.
    static func isText(_ bytes: [UInt8]) -> Bool {
        bytes.allSatisfy { $0 >= 0x20 && $0 != 0x7F || [0x09, 0x0A, 0x0D].contains($0) }
            && String(validating: bytes, as: UTF8.self) != nil
    }
}

/// The encoding of an HMAC secret in a file.
enum SecretEncoding: String, CaseIterable {
    case text, hex, base64, base64url

    static let names = allCases.map(\.rawValue).joined(separator: ", ")

    /// Reads `--encoding`.
    ///
    /// - Parameter algorithm: the algorithm of the key; only secrets have an encoding.
    static func named(_ name: String?, for algorithm: Algorithm?) throws(CommandError) -> SecretEncoding? {
        guard let name else { return nil }
        guard let encoding = SecretEncoding(rawValue: name) else { throw .usage("--encoding must be one of \(names)") }
        guard algorithm?.isMAC ?? false else {
            throw .usage("--encoding is for secrets; it needs --alg HS256, HS384 or HS512")
        }
        return encoding
    }

    /// Returns the bytes of a key: those of the decoded secret, or otherwise the file without a byte order mark.
    ///
    /// - Parameter name: the name of the file in the note about what was removed.
    /// - Throws: `.usage` for a secret that is not in that encoding.
    static func keyBytes(
        in file: [UInt8], _ algorithm: Algorithm?, _ encoding: SecretEncoding?, name: String
    ) throws(CommandError) -> [UInt8] {
        guard algorithm?.isMAC ?? false else { return TextBytes.withoutByteOrderMark(file) }
        guard let secret = secret(in: file, encoding) else {
            throw .usage("\(Printable.short(name)) is not a secret in \(encoding?.rawValue ?? "text")")
        }
        if let note = secret.note { Terminal.writeError("note: \(Printable.short(name)): \(note)\n") }
        return secret.bytes
    }

    /// Decodes the secret. Without an encoding, the secret is the content of the file: text without its line end, or
    /// other (random) bytes unchanged.
    ///
    /// - Returns: the secret and a note about what was removed, or `nil` for content that is not in that encoding.
    static func secret(in file: [UInt8], _ encoding: SecretEncoding?) -> (bytes: [UInt8], note: String?)? {
        guard encoding != nil || TextBytes.isText(file) else { return (file, nil) }
        let unmarked = TextBytes.withoutByteOrderMark(file)
        let text = TextBytes.withoutLineEnd(unmarked)
        let bytes: [UInt8]? =
            switch encoding {
            case nil, .text: text
            case .hex: Self.hex(unwrapped(text))
            case .base64: Base64.decodeUnpadded(unpadded(unwrapped(text)).span)
            case .base64url: Base64URL.decode(unpadded(unwrapped(text)).span)
            }
        guard let bytes, !bytes.isEmpty else { return nil }
        let left = [
            unmarked.count < file.count ? "the byte order mark in front" : nil,
            text.count < unmarked.count ? "the line end" : nil,
        ].compactMap { $0 }
        return (bytes, left.isEmpty ? nil : left.joined(separator: " and ") + " is not part of the secret")
    }

    /// Removes line ends, which base64(1) and openssl(1) insert after 64 or 76 characters.
    private static func unwrapped(_ text: [UInt8]) -> [UInt8] { text.filter { $0 != 0x0A && $0 != 0x0D } }

    private static func unpadded(_ text: [UInt8]) -> [UInt8] {
        var rest = text
        while rest.last == UInt8(ascii: "="), text.count - rest.count < 2 { rest.removeLast() }
        return rest
    }

    private static func hex(_ text: [UInt8]) -> [UInt8]? {
        guard text.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: text.count, by: 2) {
            guard let high = digit(text[index]), let low = digit(text[index + 1]) else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    private static func digit(_ letter: UInt8) -> UInt8? {
        switch letter {
        case 0x30...0x39: letter - 0x30
        case 0x41...0x46: letter - 0x37
        case 0x61...0x66: letter - 0x57
        default: nil
        }
    }
}
