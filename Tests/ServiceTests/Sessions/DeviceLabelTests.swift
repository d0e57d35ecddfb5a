import Testing

@testable import Service

@Suite("Device labels")
struct DeviceLabelTests {
    @Test(arguments: ["a", "Ana's phone", "Телефон", "Firefox, Linux", String(repeating: "x", count: 40), "東京の電話"])
    func `printable text of 1 to 40 bytes is a label`(text: String) throws {
        #expect(try #require(DeviceLabel(utf8: Array(text.utf8))).text == text)
    }

    @Test(arguments: [
        "", String(repeating: "x", count: 41), String(repeating: "é", count: 21), " phone", "phone ", "a\nb", "a\u{0}",
        "a\u{7F}b", "a\u{85}b", "a\u{202E}b", "a\u{200B}b", "a\u{2028}b", "a\u{E000}b", "a\u{FFFF}b",
    ])
    func `other text is not`(text: String) {
        #expect(DeviceLabel(utf8: Array(text.utf8)) == nil)
    }

    @Test(arguments: [[0xFF], [0x61, 0xC3], [0xC0, 0x80], [0xED, 0xA0, 0x80]] as [[UInt8]])
    func `bytes that are not UTF-8 are not`(bytes: [UInt8]) {
        #expect(DeviceLabel(utf8: bytes) == nil)
    }
}
