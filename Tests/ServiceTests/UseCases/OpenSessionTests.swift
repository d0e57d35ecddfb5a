import Accounts
import Dispatch
import Foundation
import Keys
import Platform
import Revocation
@testable import Service
import Testing
import Tokens

@Suite("Opening a session, without HTTP")
struct OpenSessionTests {
    private func office(failures: Int64 = 3, queue: Int = 8, keys: [Key]? = nil) throws -> Office {
        let users = try [
            Office.user("alice"), Office.user("locked", 2, stored: "!"), Office.user("mallory", 3, disabled: true),
        ].reduce(UserDirectory()) { try $0.adding($1) }
        return try Office(failures: failures, queue: queue, keys: keys, users: users, clients: ClientDirectory())
    }

    @Test(arguments: ["alice", "nobody", "locked", "mallory"])
    func `a wrong password costs one hash of the same cost, whether the user exists or not`(_ name: String) throws {
        let office = try office()
        #expect(throws: LoginFailure.credentialsInvalid) { try office.login(office.attempt(name, "wrong")) }
        #expect(office.hashes.value == [try Office.cost()])
    }

    @Test func `a login that is refused because the queue is full is no failure of the account`() throws {
        let office = try office(failures: 2, queue: 0)
        let (started, end) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        #expect(
            office.authState.hashing.submit {
                started.signal()
                end.wait()
            })
        started.wait()
        for _ in 0..<5 {
            #expect(throws: LoginFailure.hashingSaturated(retryAfterSeconds: 1)) {
                try office.login(office.attempt("alice"))
            }
        }
        end.signal()
        while office.authState.hashing.counts.busy > 0 { Thread.sleep(forTimeInterval: 0.001) }
        #expect(try office.login(office.attempt("alice")).scope == "read write")
    }

    @Test func `a wall clock that is put right keeps nobody out`() throws {
        let office = try office(failures: 1)
        office.wall.change { $0 = $0.adding(milliseconds: 3_600_000) }
        _ = try office.login(office.attempt("alice"))
        office.wall.change { $0 = $0.adding(milliseconds: -3_600_000) }
        for _ in 0..<3 { _ = try office.login(office.attempt("alice")) }
    }

    @Test func `failures are forgotten by the clock that nobody sets`() throws {
        let office = try office(failures: 1)
        #expect(throws: LoginFailure.credentialsInvalid) { try office.login(office.attempt("alice", "wrong")) }
        office.wall.change { $0 = $0.adding(milliseconds: 86_400_000) }
        #expect(throws: LoginFailure.tooManyAttempts(retryAfterSeconds: 30)) {
            try office.login(office.attempt("alice"))
        }
        office.monotonic.change { $0 += 30_000 }
        _ = try office.login(office.attempt("alice"))
    }

    @Test func `what ends a subject's sessions while the password is looked at ends the login too`() throws {
        let office = try office()
        let grant = try office.judged(office.attempt("alice"))
        let done = DispatchSemaphore(value: 0)
        office.authState.revocations.cut(.subject, name: Array(grant.user.id.description.utf8)) { _ in done.signal() }
        done.wait()
        #expect(throws: LoginFailure.credentialsInvalid) { try office.open(grant) }
        _ = try office.login(office.attempt("alice"))
    }

    @Test func `a session id is drawn before the account is looked at`() throws {
        let office = try office()
        let before = office.authState.revocations.identifiers.next()
        let grant = try office.judged(office.attempt("alice"))
        let after = office.authState.revocations.identifiers.next()
        let pair = try office.open(grant)
        #expect(before.high < pair.sid.high && pair.sid.high < after.high)
    }

    @Test func `what a revoked key would sign is not signed`() throws {
        let office = try office()
        let ring = office.authState.keyring.current.keys
        for (purpose, missing) in [(Key.Purpose.access, "EdDSA"), (.refresh, "refresh")] {
            let old = try #require(ring.first { $0.purpose == purpose })
            office.revoke(old)
            #expect(office.authState.missingSigners(at: office.wall.value) == [missing])
            #expect(throws: LoginFailure.signingUnavailable("no key signs the tokens of this login")) {
                try office.login(office.attempt("alice"))
            }
            #expect(office.hashes.value.isEmpty)
            let fresh = try Key.generate(
                old.algorithm, purpose: purpose, createdAt: office.wall.value.adding(seconds: 1))
            let others = office.authState.keyring.current.keys
            office.authState.keyring.replace(with: try Keyring(others + [fresh]))
            #expect(office.authState.missingSigners(at: office.wall.value).isEmpty)
        }
        let pair = try office.login(office.attempt("alice"))
        let claims = try VerifyToken(office.context).verify(
            pair.accessToken.span, VerifyExpectations(), at: office.wall.value)
        #expect(claims.sid == pair.sid)
        #expect(try !office.refresh(pair.refreshToken).isReplay)
    }

    @Test func `without a key that signs, no password is hashed and no failure is counted`() throws {
        let office = try office(failures: 1, keys: [Key.generate(.hs256, purpose: .refresh, createdAt: Office.start)])
        for _ in 0..<3 {
            #expect(throws: LoginFailure.signingUnavailable("no key signs the tokens of this login")) {
                try office.login(office.attempt("alice", "wrong"))
            }
        }
        #expect(office.hashes.value.isEmpty)
        #expect(office.authState.missingSigners(at: office.wall.value) == ["EdDSA"])
    }
}
