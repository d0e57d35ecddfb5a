import OpenSSL
import Testing

@Suite("SHA-1")
struct SHA1Tests {
    @Test func `digests agree with FIPS 180-2 appendix A`() throws {
        for (text, digest) in [
            ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
            ("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "84983e441c3bd26ebaae4aa1f95129e5e54670f1"),
            ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        ] {
            let message = Array(text.utf8)
            let made = try SHA1.digest(message.span)
            #expect(made == octets(hex: digest))
        }
    }
}
