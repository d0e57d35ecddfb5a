import Foundation
import Synchronization
import TestForm
import Testing

@testable import Accounts

@Suite("Stored password hashes, F6 to F12")
struct PasswordHasherTests {
    struct Vector: Decodable {
        let scheme: String
        let password: String
        let hash: String
        let expect: Bool
    }

    let hasher = PasswordHasher()
    /// Cheap, for tests that are not about cost.
    let quick: PasswordHasher

    init() throws {
        quick = PasswordHasher(parameters: try #require(Argon2Parameters(memoryKiB: 64, passes: 1, lanes: 1)))
    }

    @Test func `gives the stated result for hashes made by other programs`() throws {
        let vectors = try JSONDecoder().decode([Vector].self, from: Vectors.data("generated/password_hashes.json"))
        #expect(vectors.count == 92)
        for vector in TestForm.sample(vectors, step: 4) {
            let verdict = try hasher.verify(Array(vector.password.utf8), against: vector.hash)
            if vector.expect {
                let isWeaker = vector.scheme != "argon2id" || vector.hash.contains("m=8,")
                #expect(verdict == .match(isWeaker: isWeaker), "\(vector.hash)")
            } else {
                #expect(verdict == .mismatch || verdict == .unsupported, "\(vector.hash)")
            }
        }
    }

    @Test(arguments: [
        "$y$j9T$abcdefghijklmnopqrstu.$HVfVmMMY7RAnAkeXQamvZ4ljXGsNvkHySO1yktkGQc8",
        "$y$j75$saltsaltsalt$EJVmvLaWqQibNwAKXpgavjVqkjgw4EyKMKuwMa4X504",
        "$2a$04$abcdefghijklmnopqrstuughE8Ev8uGFaUgY2cNEySvxngrb/Jzdm",
        "$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/",
    ])
    func `takes yescrypt, bcrypt and SHA-512 hashes of libxcrypt, and would rather have Argon2id, F7`(_ hash: String)
        throws
    {
        #expect(try hasher.verify(Array("password".utf8), against: hash) == .match(isWeaker: true))
        #expect(try hasher.verify(Array("Password".utf8), against: hash) == .mismatch)
        #expect(try hasher.verify(Array("password\0".utf8), against: hash) == .mismatch)
        #expect(PasswordHasher.isUsable(hash))
    }

    @Test func `F6: new hashes are Argon2id of 19 MiB, two passes, one lane, and carry their salt`() throws {
        let password = Array("correct horse".utf8)
        let one = try hasher.hash(password, salt: [UInt8](repeating: 1, count: 16))
        let other = try hasher.hash(password, salt: [UInt8](repeating: 2, count: 16))
        #expect(one.hasPrefix("$argon2id$v=19$m=19456,t=2,p=1$AQEBAQEBAQEBAQEBAQEBAQ$"))
        #expect(one != other)
        #expect(try hasher.verify(password, against: one) == .match(isWeaker: false))
        #expect(try hasher.verify(password + [0x20], against: one) == .mismatch)
    }

    @Test func `F7: a hash at a lower cost than the live one is to be made again`() throws {
        let stored = try quick.hash([0x61], salt: [UInt8](repeating: 1, count: 16))
        #expect(try hasher.verify([0x61], against: stored) == .match(isWeaker: true))
        #expect(try quick.verify([0x61], against: stored) == .match(isWeaker: false))
        let dearer = PasswordHasher(parameters: try #require(Argon2Parameters(memoryKiB: 128, passes: 2, lanes: 1)))
        #expect(
            try quick.verify([0x61], against: dearer.hash([0x61], salt: [UInt8](repeating: 1, count: 16)))
                == .match(isWeaker: false))
    }

    @Test func `F8: no octet of a password is ignored`() throws {
        let salt = [UInt8](repeating: 9, count: 16)
        let base = Array("päss\0word ".utf8)
        let stored = try quick.hash(base, salt: salt)
        #expect(try quick.verify(base, against: stored) == .match(isWeaker: false))
        for index in base.indices {
            var changed = base
            changed[index] ^= 1
            #expect(try quick.verify(changed, against: stored) == .mismatch)
            #expect(try quick.verify(Array(base[..<index]), against: stored) == .mismatch)
        }
    }

    @Test func `F8: bcrypt's 73rd octet is not cut off`() throws {
        let stored = "$2b$04$abcdefghijklmnopqrstuuBzzIgyKkz7xMWYSzkIjUSnxEQFQ0WNe"
        let password = [UInt8](repeating: UInt8(ascii: "a"), count: 72)
        #expect(try hasher.verify(password, against: stored) == .match(isWeaker: true))
        #expect(try hasher.verify(password + [UInt8(ascii: "a")], against: stored) == .mismatch)
    }

    @Test func `F9: 1 to 1024 octets, and nothing longer is hashed`() throws {
        let salt = [UInt8](repeating: 9, count: 16)
        let longest = [UInt8](repeating: 0x62, count: 1_024)
        let stored = try quick.hash(longest, salt: salt)
        #expect(try quick.verify(longest, against: stored) == .match(isWeaker: false))
        #expect(try quick.verify(longest + [0x62], against: stored) == .mismatch)
        for count in [0, 1_025] {
            #expect(throws: AccountsError.invalid(field: "password", expected: "1 to 1024 bytes")) {
                try quick.hash([UInt8](repeating: 0x62, count: count), salt: salt)
            }
        }
        #expect(throws: AccountsError.invalid(field: "salt", expected: "16 bytes")) { try quick.hash([1], salt: [1]) }
    }

    @Test func `F10: composed and decomposed letters are different passwords`() throws {
        let stored = try quick.hash(Array("caf\u{E9}".utf8), salt: [UInt8](repeating: 9, count: 16))
        #expect(try quick.verify(Array("caf\u{E9}".utf8), against: stored) == .match(isWeaker: false))
        #expect(try quick.verify(Array("cafe\u{301}".utf8), against: stored) == .mismatch)
    }

    @Test(arguments: [
        "$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHRzYWx0$qqqqqqqqqqqqqqqqqqqqqqqqqqo",
        "$argon2id$v=19$m=4294967295,t=4294967295,p=1$c29tZXNhbHRzYWx0$qqqqqqqqqqqqqqqqqqqqqqqqqqo",
        "$argon2id$v=19$m=19456,t=1000,p=1$c29tZXNhbHRzYWx0$qqqqqqqqqqqqqqqqqqqqqqqqqqo",
        "$argon2id$v=16$m=64,t=1,p=1$c29tZXNhbHRzYWx0$qqqqqqqqqqqqqqqqqqqqqqqqqqo",
        "$6$rounds=999999999$salt$" + String(repeating: "a", count: 86),
        "$2b$31$" + String(repeating: "a", count: 53),
        "$2b$15$" + String(repeating: "a", count: 53),
        "$y$jFT$salt$" + String(repeating: "a", count: 43),
        "$y$j9U$salt$" + String(repeating: "a", count: 43),
        "$y$j9T.$salt$" + String(repeating: "a", count: 43),
    ])
    func `F12: a hash that would cost too much is not worked at`(_ hash: String) throws {
        #expect(try hasher.verify(Array("password".utf8), against: hash) == .unsupported)
        #expect(!PasswordHasher.isUsable(hash))
    }

    @Test(arguments: [
        "", "$", "$$$$$$$$", "$argon2id$",
        "$argon2id$v=19$m=64,p=1,t=1,t=1$c29tZXNhbHRzYWx0$qqqqqqqqqqqqqqqqqqqqqqqqqqo",
        "$argon2id$v=19$m=064,t=1,p=1$c29tZXNhbHRzYWx0$qqqqqqqqqqqqqqqqqqqqqqqqqqo",
        "$argon2id$v=19$m=+64,t=1,p=1$c29tZXNhbHRzYWx0$qqqqqqqqqqqqqqqqqqqqqqqqqqo",
        "$argon2id$v=19$m=99999999999999999999,t=1,p=1$c29tZXNhbHRzYWx0$qqqqqqqqqqqqqqqqqqqqqqqqqqo",
        "$argon2id$v=19$m=64,t=1,p=1$c29t$qqqqqqqqqqqqqqqqqqqqqqqqqqo",
        "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzYWx0$AAAA",
        "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzYWx0$",
        "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzYWx0$qqqqqqqqqqqqqqqqqqqqqqqqqqo$",
        "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzYWx0$qqqqqqqqqqqqqqqqqqqqqqqqqqo=",
        "$2b$05$", "$2c$05$" + String(repeating: "a", count: 53), "$2b$0x$" + String(repeating: "a", count: 53),
        "$2b$03$" + String(repeating: "a", count: 53), "$2b$05$" + String(repeating: "\u{E9}", count: 26) + "a",
        "$6$salt$x", "$6$", "$6$$", "$6$rounds=$salt$" + String(repeating: "a", count: 86),
        "$6$rounds=999$salt$" + String(repeating: "a", count: 86),
        "$6$saltsaltsaltsalt0$" + String(repeating: "a", count: 86),
        "$1$salt$abcdefghijklmnopqrstuv", "$5$salt$abc", "$y$", "$y$$$", "$y$j9T$salt$short",
        "ab0123456789.", "*0", "!", "x", "password",
    ])
    func `F12: a malformed hash matches nothing`(_ hash: String) throws {
        for password in ["password", "", hash] {
            let verdict = try hasher.verify(Array(password.utf8), against: hash)
            #expect(verdict == .mismatch || verdict == .unsupported)
        }
        #expect(!PasswordHasher.isUsable(hash))
    }

    @Test func `F12: no change of a letter of a stored hash passes or crashes`() throws {
        let password = Array("password".utf8)
        for stored in [
            try quick.hash(password, salt: [UInt8](repeating: 5, count: 16)),
            "$2a$04$abcdefghijklmnopqrstuughE8Ev8uGFaUgY2cNEySvxngrb/Jzdm",
        ] {
            let letters = Array(stored.utf8)
            for index in letters.indices {
                for letter in "$,=.0Z\u{0}".utf8 where letter != letters[index] {
                    var changed = letters
                    changed[index] = letter
                    let verdict = try quick.verify(password, against: String(decoding: changed, as: UTF8.self))
                    #expect(verdict == .mismatch || verdict == .unsupported)
                }
            }
        }
    }

    @Test func `F3: an unknown user costs a hash too`() throws {
        let calls = Mutex<[Argon2Parameters]>([])
        let counting = PasswordHasher(parameters: quick.parameters) { _, _, cost, count in
            calls.withLock { $0.append(cost) }
            return [UInt8](repeating: 1, count: count)
        }
        try counting.verifyNobody(Array("password".utf8))
        try counting.verifyNobody([])
        let stored = try quick.hash(Array("password".utf8), salt: [UInt8](repeating: 5, count: 16))
        #expect(try counting.verify(Array("password".utf8), against: stored) == .mismatch)
        #expect(calls.withLock { $0 } == [quick.parameters, quick.parameters, quick.parameters])
    }

    @Test(arguments: [
        ("$argon2id$v=19$m=65536,t=1,p=1$c29tZXNhbHRzYWx0$qqqqqqqqqqqqqqqqqqqqqqqqqqo", 64 << 20),
        ("$y$j9T$pTtEvAlTAr8qGxmgHn5Xy0$9h69/MdtmpCuLK1Q7iJI/nPs6ydGnhmJW6CJEddtaz9", 16 << 20),
        ("$2a$04$abcdefghijklmnopqrstuughE8Ev8uGFaUgY2cNEySvxngrb/Jzdm", 0), ("!", 0), ("", 0),
    ])
    func `says how much memory a stored hash takes`(_ stored: String, _ bytes: Int) {
        #expect(PasswordHasher.memory(of: stored) == bytes)
    }
}
