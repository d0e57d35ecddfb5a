import OpenSSL
import Testing

@Suite("PBKDF2 and scrypt")
struct PasswordDerivationTests {
    @Test(arguments: [
        (
            "passwd", "salt", 1,
            "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783"
        ),
        (
            "Password", "NaCl", 80_000,
            "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56a1d425a1225833549adb841b51c9b3176a272bdebba1d078478f62b397f33c8d"
        ),
    ])
    func `PBKDF2 with SHA-256 gives the vectors of RFC 7914 §11`(
        _ password: String, _ salt: String, _ count: Int, _ key: String
    ) throws {
        let made = try PBKDF2.derive(
            password: Array(password.utf8), salt: Array(salt.utf8), iterationCount: count, hash: .sha256, byteCount: 64)
        #expect(made == octets(hex: key))
    }

    @Test(arguments: [
        (
            "", "", 4, 1, 1,
            "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906"
        ),
        (
            "password", "NaCl", 10, 8, 16,
            "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640"
        ),
        (
            "pleaseletmein", "SodiumChloride", 14, 8, 1,
            "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"
        ),
    ])
    func `scrypt gives the vectors of RFC 7914 §12`(
        _ password: String, _ salt: String, _ costLog2: Int, _ blockSize: Int, _ parallelism: Int, _ key: String
    ) throws {
        let made = try Scrypt.derive(
            password: Array(password.utf8), salt: Array(salt.utf8), costLog2: costLog2, blockSize: blockSize,
            parallelism: parallelism, memoryMax: 64 << 20, byteCount: 64)
        #expect(made == octets(hex: key))
    }

    @Test func `scrypt beyond the memory, and numbers without a meaning, are errors`() {
        for (costLog2, blockSize, memory) in [
            (14, 8, 1 << 20), (0, 8, 64 << 20), (64, 8, 64 << 20), (14, -1, 64 << 20),
        ] {
            #expect(throws: CryptoError.self) {
                try Scrypt.derive(
                    password: [1], salt: [2], costLog2: costLog2, blockSize: blockSize, parallelism: 1,
                    memoryMax: memory, byteCount: 32)
            }
        }
        #expect(throws: CryptoError.self) {
            try PBKDF2.derive(password: [1], salt: [2], iterationCount: 0, hash: .sha256, byteCount: 32)
        }
    }
}
