/// Encodes and decodes base64url without padding (RFC 4648 §5, RFC 7515 §2), canonical spelling only.
package enum Base64URL {
    package static func encodedByteCount(_ byteCount: Int) -> Int {
        Base64Letters.encodedByteCount(byteCount)
    }

    /// Replaces `output` with the decoded bytes.
    ///
    /// - Returns: false, with `output` empty, for a letter outside the alphabet, an impossible length, or unused bits
    ///   that are not zero: each value has one spelling (RFC 4648 §3.5).
    package static func decode(_ input: Span<UInt8>, into output: inout [UInt8]) -> Bool {
        Base64Letters.decode(input, .url, into: &output, byTable: !Base64Letters.isBuiltIn)
    }

    /// Decodes as ``decode(_:into:)`` does, without vector instructions.
    package static func decodeByTable(_ input: Span<UInt8>, into output: inout [UInt8]) -> Bool {
        Base64Letters.decode(input, .url, into: &output, byTable: true)
    }

    package static func decode(_ input: Span<UInt8>) -> [UInt8]? {
        var output: [UInt8] = []
        return decode(input, into: &output) ? output : nil
    }

    package static func decode(_ text: String) -> [UInt8]? {
        let octets = Array(text.utf8)
        return decode(octets.span)
    }

    /// Appends the encoded form to `output`.
    package static func append(_ input: Span<UInt8>, to output: inout [UInt8]) {
        Base64Letters.append(input, .url, to: &output, byTable: !Base64Letters.isBuiltIn)
    }

    /// Appends as ``append(_:to:)`` does, without vector instructions.
    package static func appendByTable(_ input: Span<UInt8>, to output: inout [UInt8]) {
        Base64Letters.append(input, .url, to: &output, byTable: true)
    }

    package static func encode(_ bytes: [UInt8]) -> String {
        var output: [UInt8] = []
        append(bytes.span, to: &output)
        return String(decoding: output, as: UTF8.self)
    }
}

/// Encodes and decodes base64 with the standard alphabet (RFC 4648 §4), canonical spelling only; used for HTTP Basic
/// and PHC strings.
package enum Base64 {
    /// - Returns: `nil` for input that is not canonical or whose padding does not match its length.
    package static func decode(_ input: Span<UInt8>) -> [UInt8]? {
        guard input.count % 4 == 0 else { return nil }
        var count = input.count
        while count > 0, input.count - count < 2, input[count - 1] == UInt8(ascii: "=") { count -= 1 }
        return decodeUnpadded(input.extracting(0..<count))
    }

    package static func decodeUnpadded(_ input: Span<UInt8>) -> [UInt8]? {
        var output: [UInt8] = []
        return Base64Letters.decode(input, .standard, into: &output, byTable: true) ? output : nil
    }

    package static func encode(_ bytes: [UInt8]) -> String {
        let text = encodeUnpadded(bytes)
        return text + String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
    }

    package static func encodeUnpadded(_ bytes: [UInt8]) -> String {
        var output: [UInt8] = []
        Base64Letters.append(bytes.span, .standard, to: &output, byTable: true)
        return String(decoding: output, as: UTF8.self)
    }
}
