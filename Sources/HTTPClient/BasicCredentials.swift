internal import Encoding

/// The id and the secret of a client, for the Basic scheme (RFC 7617) in the form of RFC 6749 §2.3.1.
package struct BasicCredentials: Sendable {
    /// The value of the field `Authorization`. It is a secret and must not be logged.
    let field: String

    package init(id: String, secret: String) {
        let pair = "\(Self.formEncoded(id)):\(Self.formEncoded(secret))"
        field = "Basic \(Base64.encode(Array(pair.utf8)))"
    }

    private static func formEncoded(_ text: String) -> String {
        var encoded = ""
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "*"):
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            case 0x20: encoded += "+"
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                encoded += "%" + (digits.utf8.count == 1 ? "0" : "") + digits
            }
        }
        return encoded
    }
}
