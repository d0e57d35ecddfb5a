import TestForm
import Testing

@testable import Accounts

@Suite("Password hashes of other programs")
struct ImportedHashTests {
    let hasher: PasswordHasher

    init() throws {
        hasher = PasswordHasher(parameters: try #require(Argon2Parameters(memoryKiB: 64, passes: 1, lanes: 1)))
    }

    @Test(arguments: [
        // Django's own test of its hasher.
        ("lètmein", "pbkdf2_sha256$1000000$seasalt$r1uLUxoxpP2Ued/qxvmje7UH9PUJBkRrvf9gGPL7Cps="),
        ("lètmein", "pbkdf2_sha256$1000$seasalt$JgZryXe2Ga8ysg6XbzkLpTdyPQrHqsinbL9BnnhgX4A"),
        // The documentation of passlib.
        ("password", "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E"),
        // openssl passwd -5, and crypt of Perl.
        ("Hello world!", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"),
        ("Hello world!", "$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA"),
        // hashlib of Python.
        ("pässwörd", "$pbkdf2-sha256$1200$.vv8/f7/c2FsdHNhbHQxMg$abYWhKC9PEJgQOhtIyLu6/1tlmyaccSzhQw1JTq6kAE"),
        ("pässwörd", "$pbkdf2-sha256$i=1200$+vv8/f7/c2FsdHNhbHQxMg$abYWhKC9PEJgQOhtIyLu6/1tlmyaccSzhQw1JTq6kAE"),
        ("a\0b", "$pbkdf2-sha256$i=1200,l=32$+vv8/f7/c2FsdHNhbHQxMg$7xpNQM5ieYn7kTXS1gaCDK2pcnUy6/GG5zLPpGwllWw"),
        ("a\0b", "$pbkdf2-sha256$l=32,i=1200$+vv8/f7/c2FsdHNhbHQxMg$7xpNQM5ieYn7kTXS1gaCDK2pcnUy6/GG5zLPpGwllWw"),
        (
            "pässwörd",
            "$pbkdf2-sha512$1000$.vv8/f7/c2FsdHNhbHQxMg$bcasHLirgrOVE4mXTgHE4rgWkLS02SpkMYhm82sRJDp3gqw7zStLvRM85xDcl5MItlVQJH8x5mLF0jfPpYFVow"
        ),
        (
            "a\0b",
            "$pbkdf2-sha512$1000$.vv8/f7/c2FsdHNhbHQxMg$0zt/ZmufrSzcQyo/ckc8h0fCUePE75YdE2I68NYCpB7EJWq6umuXoEwEVi20yH7CUf/AgmKEaWxLjgyYY.LoWA"
        ),
        ("pässwörd", "$scrypt$p=2,ln=4,r=4$c2FsdHNhbHRzYWx0c2FsdA$PMffFroY6M3yUXzjkoEIvuA7BZ8ibyIL18XMOhg4T3I"),
        // argon2-cffi.
        ("password", "$argon2i$v=19$m=64,t=2,p=2$c2FsdHNhbHRzYWx0c2FsdA$MA/e0o/dq9Q/NG3lCZc1jvi52oDgoBHmr9bc9hirGVY"),
        ("password", "$argon2d$v=19$m=64,t=2,p=2$c2FsdHNhbHRzYWx0c2FsdA$kkWqJ0t0QlmifkSN59wa8dH9WaXnSRqHaumGbUmQsqU"),
        ("password", "$argon2d$v=19$p=2,m=64,t=2$c2FsdHNhbHRzYWx0c2FsdA$kkWqJ0t0QlmifkSN59wa8dH9WaXnSRqHaumGbUmQsqU"),
    ])
    func `the password matches, another one does not, and the next login stores Argon2id`(
        _ password: String, _ stored: String
    ) throws {
        let bytes = Array(password.utf8)
        #expect(PasswordHasher.expectation(of: stored) == nil)
        #expect(Names.isStoredHash(stored))
        #expect(try hasher.verify(bytes, against: stored) == .match(isWeaker: true))
        let others = [bytes + [0x61], Array(bytes.dropLast()), [], bytes.map { $0 ^ 1 }]
        for other in TestForm.sample(others, step: 4) {
            #expect(try hasher.verify(other, against: stored) == .mismatch)
        }
    }

    @Test func `the parameters of Argon2id may be in any order`() throws {
        let tag = "c2FsdHNhbHRzYWx0c2FsdA$MTk3uF0ASN8bPjzWOEqSyxwROScUuU0+ShGyQuHn3pU"
        for parameters in ["m=64,t=2,p=2", "m=64,p=2,t=2", "p=2,t=2,m=64", "t=2,m=64,p=2"] {
            let verdict = try hasher.verify(Array("password".utf8), against: "$argon2id$v=19$\(parameters)$\(tag)")
            #expect(verdict == .match(isWeaker: false))
        }
    }

    private static let salt = "c2FsdHNhbHQ"
    private static let tag = "qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqo"

    @Test(arguments: [
        ("pbkdf2_sha256$4000001$seasalt$\(tag)=", "iterations; this one is too costly"),
        ("pbkdf2_sha256$0$seasalt$\(tag)=", "1 to 4000000 iterations"),
        ("$pbkdf2-sha512$9999999999$\(salt)$\(tag)", "iterations; this one is too costly"),
        ("$pbkdf2$131000$\(salt)$\(tag)", "PBKDF2 as pbkdf2_sha256$"),
        ("pbkdf2_sha1$131000$salt$\(tag)", "PBKDF2 as pbkdf2_sha256$"),
        ("$scrypt$ln=22,r=8,p=1$\(salt)$\(tag)", "256 MiB at most"),
        ("$scrypt$ln=19,r=8,p=1$\(salt)$\(tag)", "256 MiB at most"),
        ("$scrypt$ln=14,r=8,p=17$\(salt)$\(tag)", "256 MiB at most"),
        ("$scrypt$ln=16,r=1,p=1$\(salt)$\(tag)", "256 MiB at most"),
        ("$scrypt$ln=9999999999,r=9999999999,p=9999999999$\(salt)$\(tag)", "256 MiB at most"),
        ("$scrypt$ln=0,r=8,p=1$\(salt)$\(tag)", "256 MiB at most"),
        ("$argon2i$v=19$m=4194304,t=1,p=1$\(salt)$\(tag)", "memory times passes"),
        ("$argon2d$v=16$m=64,t=1,p=1$\(salt)$\(tag)", "version 1.3"),
        ("$argon2$v=19$m=64,t=1,p=1$\(salt)$\(tag)", "Argon2 as $argon2id$"),
        ("$5$rounds=999$salt$\(tag)", "1000 to 1000000 rounds"),
        ("$5$rounds=1000001$salt$\(tag)", "1000 to 1000000 rounds"),
    ])
    func `a scheme, version or cost that is not supported is named`(_ stored: String, _ reason: String) throws {
        let expectation = try #require(PasswordHasher.expectation(of: stored))
        #expect(expectation.contains(reason), "\(expectation)")
        #expect(!expectation.contains(Self.tag) && !expectation.contains(Self.salt))
        #expect(try hasher.verify(Array("password".utf8), against: stored) == .unsupported)
        #expect(PasswordHasher.memory(of: stored) == 0)
    }

    @Test(arguments: [
        ("pbkdf2_sha256$1$seasalt", "cut off"), ("pbkdf2_sha256$1$seasalt$\(tag)=$", "cut off"),
        ("pbkdf2_sha256$1$$\(tag)=", "a salt of 1 to 128 bytes"), ("pbkdf2_sha256$i=1$seasalt$\(tag)=", "iterations"),
        ("pbkdf2_sha256$01$seasalt$\(tag)=", "iterations"),
        ("pbkdf2_sha256$1$seasalt$AAAA", "a hash of 16 to 32 bytes"),
        ("pbkdf2_sha256$1$seasalt$\(tag)==", "a hash of 16 to 32 bytes"),
        ("$pbkdf2-sha256$1$\(salt)$\(tag)=", "without padding"), ("$pbkdf2-sha256$1$c2FsdA==$\(tag)", "a salt of"),
        ("$pbkdf2-sha256$i=1,l=64$\(salt)$\(tag)", "iterations"), ("$pbkdf2-sha256$1$\(salt)", "cut off"),
        ("$pbkdf2-sha256$i=1,i=1$\(salt)$\(tag)", "iterations"),
        ("$scrypt$ln=4,r=8$\(salt)$\(tag)", "parameters ln, r and p"),
        ("$scrypt$ln=4,r=8,p=1,x=1$\(salt)$\(tag)", "parameters ln, r and p"),
        ("$scrypt$ln=4,ln=4,p=1$\(salt)$\(tag)", "parameters ln, r and p"),
        ("$scrypt$ln=4,r=8,p=1$\(salt)$AAAA", "a hash of 16 to 64 bytes"),
        ("$scrypt$ln=4,r=8,p=1$$\(tag)", "a salt of 1 to 128 bytes"), ("$scrypt$", "cut off"),
        ("$argon2id$v=19$m=64,t=1$\(salt)$\(tag)", "the parameters m, t and p"),
        ("$argon2id$v=19$m=64,t=1,p=1,data=x$\(salt)$\(tag)", "the parameters m, t and p"),
        ("$argon2id$v=19$m=64,m=64,t=1$\(salt)$\(tag)", "the parameters m, t and p"),
        ("$argon2id$v=19$m=64,t=1,p=1$c2Fs$\(tag)", "a salt of 8 to 64 bytes"),
        ("$argon2id$v=19$m=64,t=1,p=1$\(salt)$AAAA", "a hash of 16 to 64 bytes"),
        ("$argon2id$v=19$m=64,t=1,p=1$\(salt)", "number of parts"),
        ("$2b$05$short", "60 characters"), ("$6$salt$x", "86 letters"), ("$5$salt$x", "43 letters"),
        ("$y$j9T$salt$short", "43 letters"), ("$1$salt$abc", "not supported"), ("", "not supported"),
    ])
    func `what is wrong with a malformed hash is named, and nothing matches it`(_ stored: String, _ reason: String)
        throws
    {
        let expectation = try #require(PasswordHasher.expectation(of: stored))
        #expect(expectation.contains(reason), "\(expectation)")
        let verdict = try hasher.verify(Array("password".utf8), against: stored)
        #expect(verdict == .mismatch)
    }

    @Test func `no change of a letter of an imported hash passes or crashes`() throws {
        for stored in [
            "$scrypt$p=2,ln=4,r=4$c2FsdHNhbHRzYWx0c2FsdA$PMffFroY6M3yUXzjkoEIvuA7BZ8ibyIL18XMOhg4T3I",
            "$pbkdf2-sha256$i=1200,l=32$+vv8/f7/c2FsdHNhbHQxMg$abYWhKC9PEJgQOhtIyLu6/1tlmyaccSzhQw1JTq6kAE",
            "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5",
        ] {
            let letters = Array(stored.utf8)
            for index in letters.indices {
                for letter in "$,=-~\u{0}".utf8 where letter != letters[index] {
                    var changed = letters
                    changed[index] = letter
                    let verdict = try hasher.verify(
                        Array("pässwörd".utf8), against: String(decoding: changed, as: UTF8.self))
                    #expect(verdict == .mismatch || verdict == .unsupported)
                }
            }
        }
    }

    @Test func `the memory of an imported hash is known`() {
        let scrypt = "$scrypt$ln=16,r=8,p=1$\(Self.salt)$\(Self.tag)"
        #expect(PasswordHasher.memory(of: scrypt) == 1_024 * (65_536 + 3))
        #expect(PasswordHasher.memory(of: "pbkdf2_sha256$1000$seasalt$\(Self.tag)=") == 0)
        #expect(PasswordHasher.memory(of: "$argon2d$v=19$m=65536,t=1,p=1$\(Self.salt)$\(Self.tag)") == 64 << 20)
    }
}
