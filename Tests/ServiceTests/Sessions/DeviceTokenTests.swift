import Accounts
import Dispatch
import Encoding
import Keys
import Platform
import Revocation
import Testing
import Tokens

@testable import Service

@Suite("A device that has logged in before is known by its token")
struct DeviceTokenTests {
    private let office: Office

    init() throws {
        let users = try UserDirectory().adding([Office.user("alice", 1), Office.user("bob", 2)])
        office = try Office(failures: 3, users: users, clients: ClientDirectory())
    }

    private func attempt(
        _ name: String, _ password: String = Office.password, device: [UInt8]? = nil, from source: UInt64 = 1
    ) -> LoginAttempt {
        var attempt = office.attempt(name, password)
        attempt.source = .address(source)
        attempt.device = DeviceLabel(utf8: Array("phone".utf8))
        attempt.deviceToken = device
        return attempt
    }

    private func token(_ name: String) throws -> [UInt8] {
        try #require(try office.login(attempt(name)).deviceToken)
    }

    /// Whether the token makes its device known: the account and the address that the login uses are used up.
    private func isKnown(_ token: [UInt8]?, _ name: String = "alice") -> Bool {
        for _ in 0..<9 { _ = try? office.login(attempt(name, "wrong", from: 7)) }
        do {
            _ = try office.login(attempt(name, device: token, from: 7))
            return true
        } catch LoginFailure.tooManyAttempts {
            return false
        } catch {
            Issue.record("\(error)")
            return false
        }
    }

    @Test func `a login that names its device gets a token, and no other login or refresh does`() throws {
        let pair = try office.login(attempt("alice"))
        let token = try #require(pair.deviceToken)
        let claims = try office.context.verifier.verifyDevice(token.span, now: office.wall.value)
        #expect(claims.subject == (try Office.user("alice", 1)).id.description)
        #expect(claims.expiresAt.seconds(since: claims.issuedAt) == 180 * 86_400)
        #expect(claims.id.high < pair.sid.high, "the journal records the session's identifier only")
        #expect(try office.login(office.attempt("alice")).deviceToken == nil)
        #expect(try office.refresh(pair.refreshToken).pair.deviceToken == nil)
        #expect(try self.token("alice") != token, "each token has its own identifier")
    }

    @Test func `the token works from any address while the account and the address are guessed at`() throws {
        let known = try token("alice")
        #expect(!isKnown(nil))
        #expect(isKnown(known))
    }

    @Test func `a device's own guesses are limited, and stop nobody else`() throws {
        let (stolen, other) = (try token("alice"), try token("alice"))
        for _ in 0..<3 {
            #expect(throws: LoginFailure.credentialsInvalid) {
                try office.login(attempt("alice", "wrong", device: stolen))
            }
        }
        #expect(throws: LoginFailure.tooManyAttempts(retryAfterSeconds: 30)) {
            try office.login(attempt("alice", device: stolen))
        }
        #expect(throws: Never.self) { try office.login(attempt("alice", device: other)) }
        #expect(throws: Never.self) { try office.login(attempt("alice", from: 9)) }
    }

    @Test func `it is worth nothing for another user`() throws {
        let ofBob = try token("bob")
        #expect(!isKnown(ofBob))
    }

    @Test func `what is no device token is ignored`() throws {
        let pair = try office.login(attempt("alice"))
        let good = try #require(pair.deviceToken)
        var forged = good
        forged[good.count - 5] = forged[good.count - 5] == 65 ? 66 : 65
        let others = [
            [], Array("x".utf8), forged, good + [46], pair.accessToken, pair.refreshToken,
            [UInt8](repeating: 97, count: 60_000),
        ]
        for other in others {
            #expect(!isKnown(other))
            #expect(throws: Never.self) { try office.login(attempt("alice", device: other)) }
        }
        #expect(isKnown(good))
    }

    @Test func `it ends after 180 days`() throws {
        let known = try token("alice")
        office.wall.change { $0 = $0.adding(seconds: 180 * 86_400 - 1) }
        #expect(isKnown(known))
        office.wall.change { $0 = $0.adding(seconds: 1) }
        #expect(!isKnown(known))
    }

    @Test(arguments: [RevokeBeforeKind.subject, .all])
    func `revoking the sessions of its user ends it for as long as it could live`(kind: RevokeBeforeKind) throws {
        let known = try token("alice")
        let name = kind == .subject ? Array((try Office.user("alice", 1)).id.description.utf8) : []
        office.durably { done in office.authState.revocations.cut(kind, name: name) { done($0) } }
        #expect(!isKnown(known))
        office.wall.change { $0 = $0.adding(seconds: 179 * 86_400) }
        office.authState.revocations.purge(now: office.wall.value, monotonic: 179 * 86_400_000)
        office.authState.revocations.purge(now: office.wall.value, monotonic: 179 * 86_400_000 + 7_200_000)
        #expect(!isKnown(known))
        #expect(isKnown(try token("alice")))
    }

    @Test func `its key ends it, the end of the session does not`() throws {
        let pair = try office.login(attempt("alice"))
        let known = try #require(pair.deviceToken)
        office.durably { done in
            office.authState.revocations.revokeSession(
                pair.sid, expiresAt: office.wall.value.adding(seconds: 86_400)
            ) { done($0) }
        }
        #expect(isKnown(known))
        office.revoke(try #require(office.authState.keyring.current.refreshKey(at: office.wall.value)))
        let id = DeviceTokens(office.context).identifier(known.span, of: "alice", at: office.wall.value)
        #expect(id == nil)
    }

    @Test func `a new password, a disabled and a removed account end it`() throws {
        let known = try token("alice")
        let before = office.authState.users.current
        func apply(_ change: (inout User) -> Void) throws {
            office.authState.users.replace(with: try before.changing("alice", change))
            office.context.applyChanges()
        }
        func id() -> UUID? { DeviceTokens(office.context).identifier(known.span, of: "alice", at: office.wall.value) }
        #expect(id() != nil)
        try apply { $0.isDisabled = true }
        #expect(id() == nil)
        try apply { $0.sessionsFrom = office.wall.value.adding(milliseconds: 1) }
        #expect(id() == nil)
        office.authState.users.replace(with: try before.removing("alice"))
        office.context.applyChanges()
        #expect(id() == nil)
        office.authState.users.replace(with: before)
        office.context.applyChanges()
        #expect(id() != nil)
    }

    @Test func `a token from a clock that was ahead does not escape a later revocation`() throws {
        office.wall.change { $0 = $0.adding(seconds: 3_600) }
        let known = try token("alice")
        office.wall.change { $0 = $0.adding(seconds: -3_600) }
        let name = Array((try Office.user("alice", 1)).id.description.utf8)
        office.durably { done in office.authState.revocations.cut(.subject, name: name) { done($0) } }
        #expect(!isKnown(known))
    }

    @Test func `a known device waits in the first lane, from a new address and with a full other lane`() throws {
        let known = try token("alice")
        let (started, end) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        #expect(
            office.authState.hashing.submit {
                started.signal()
                end.wait()
            })
        started.wait()
        for _ in 0..<4 {
            #expect(
                office.authState.hashing.submit(.other(lastFailure: nil)) {
                } refused: { _ in
                } == nil)
        }
        #expect(throws: LoginFailure.hashingSaturated(retryAfterSeconds: 1)) {
            try office.login(attempt("bob", from: 3))
        }
        let verdict = Mutable<Result<LoginGrant, LoginFailure>?>(nil)
        let arrived = DispatchSemaphore(value: 0)
        try OpenSession(office.context).begin(attempt("alice", device: known, from: 3), at: office.wall.value) {
            result in
            verdict.change { $0 = result }
            arrived.signal()
        }
        #expect(office.authState.hashing.counts.known.queued == 1)
        end.signal()
        arrived.wait()
        #expect(throws: Never.self) { try verdict.value?.get() }
    }
}
