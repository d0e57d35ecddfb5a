import Testing

@testable import martlet

@Suite("Secrets and texts from files")
struct SecretEncodingTests {
    private func secret(_ text: String, _ encoding: SecretEncoding? = nil) -> [UInt8]? {
        SecretEncoding.secret(in: Array(text.utf8), encoding)?.bytes
    }

    @Test(arguments: [
        ("s3cret\n", "s3cret"), ("s3cret\r\n", "s3cret"), ("s3cret", "s3cret"), ("a\n\n", "a\n"), (" a \n", " a "),
    ])
    func `one line end of a text is not part of the secret`(_ file: String, _ wanted: String) {
        #expect(secret(file) == Array(wanted.utf8))
        #expect(secret(file, .text) == Array(wanted.utf8))
        let note = SecretEncoding.secret(in: Array(file.utf8), nil)?.note
        #expect(note == (file == wanted ? nil : "the line end is not part of the secret"))
    }

    @Test func `of random bytes each one counts`() {
        let bytes: [UInt8] = [0xEF, 0xBB, 0xBF, 0x00, 0xFF, 0x0A]
        #expect(SecretEncoding.secret(in: bytes, nil)?.bytes == bytes)
    }

    @Test func `a byte order mark is not part of a secret`() {
        let read = SecretEncoding.secret(in: [0xEF, 0xBB, 0xBF] + Array("abc\n".utf8), nil)
        #expect(read?.bytes == Array("abc".utf8))
        #expect(read?.note == "the byte order mark in front and the line end is not part of the secret")
    }

    @Test(arguments: [
        (SecretEncoding.hex, "00fFa0\n"), (.base64, "AP+g"), (.base64, "AP+g\r\n"), (.base64url, "AP-g\n"),
        (.base64, "AP\n+g\n"), (.hex, "00\r\nff\r\na0"),
    ])
    func `is decoded as asked`(_ encoding: SecretEncoding, _ file: String) {
        #expect(secret(file, encoding) == [0x00, 0xFF, 0xA0])
    }

    @Test func `base64 may be padded or not`() {
        #expect(secret("AP8=", .base64) == [0, 0xFF] && secret("AP8", .base64) == [0, 0xFF])
        #expect(secret("AP8=\n", .base64url) == [0, 0xFF] && secret("AP8", .base64url) == [0, 0xFF])
    }

    @Test(arguments: [
        (SecretEncoding.hex, "0"), (.hex, "0g"), (.hex, ""), (.base64, "AP-g"), (.base64, "A"), (.base64url, "AP+g"),
        (.base64url, "AP8==="), (.text, ""), (.text, "\n"),
    ])
    func `what is not in the encoding is none`(_ encoding: SecretEncoding, _ file: String) {
        #expect(secret(file, encoding) == nil)
    }
}
