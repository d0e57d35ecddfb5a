import API
import Dispatch
import Testing

/// What only one endpoint refuses.
extension Refusal {
    static let ofVerify: [Refusal] = [
        Refusal(.verify, .requestMalformed) { $0.send(Ask("POST", "/verify").json("{\"token\":1}")) },
        Refusal(.verify, .requestMalformed) { $0.send(Ask("POST", "/verify").json("[]")) },
        Refusal(.verify, .requestMalformed) { $0.send(Ask("GET", "/verify?max_age=x").bearer("a")) },
        Refusal(.verify, .requestMalformed) { $0.send(Ask("GET", "/verify").with("Authorization", "Basic YTpi")) },
        Refusal(.verify, .unsupportedMediaType) { $0.send(Ask("POST", "/verify").form("token=x")) },
        Refusal(.verify, .scopeInsufficient) {
            $0.send(Ask("GET", "/verify?scope=write").bearer($0.pair("bob").access))
        },
        Refusal(.verify, .roleInsufficient) {
            $0.send(Ask("GET", "/verify?role=admin").bearer($0.pair("bob").access))
        },
        Refusal(.verify, .authTooOld) { world in
            let token = world.pair().access
            world.clock.advance(11)
            return world.send(Ask("GET", "/verify?max_age=10").bearer(token))
        },
        Refusal(.verify, .subjectMismatch) { $0.send(Ask("GET", "/verify?subject=x").bearer($0.pair().access)) },
        Refusal(.verify, .clientMismatch) { $0.send(Ask("GET", "/verify?client_id=x").bearer($0.pair().access)) },
        Refusal(.verify, .claimMismatch) {
            $0.send(Ask("POST", "/verify").bearer($0.pair().access).json("{\"claims\":{\"amr\":\"otp\"}}"))
        },
        Refusal(.verify, .sequenceUnknown) { $0.send(Ask("GET", "/verify?min_seq=2:1").bearer($0.pair().access)) },
        Refusal(.verify, .sequenceNotReached) {
            $0.send(Ask("GET", "/verify?min_seq=1000000").bearer($0.pair().access))
        },
    ]

    static let ofBatch: [Refusal] = [
        Refusal(.verifyBatch, .requestMalformed) { $0.send(Ask("POST", "/verify/batch").json("{\"tokens\":[]}")) },
        Refusal(.verifyBatch, .requestMalformed) { $0.send(Ask("POST", "/verify/batch").json("{\"tokens\":[1]}")) },
        Refusal(.verifyBatch, .unsupportedMediaType) { $0.send(Ask("POST", "/verify/batch").form("tokens=x")) },
        Refusal(.verifyBatch, .sequenceUnknown) {
            $0.send(Ask("POST", "/verify/batch").json("{\"tokens\":[\"a\"],\"min_seq\":\"2:1\"}"))
        },
        Refusal(.verifyBatch, .sequenceNotReached) {
            $0.send(Ask("POST", "/verify/batch").json("{\"tokens\":[\"a\"],\"min_seq\":1000000}"))
        },
    ]

    static let ofSessions: [Refusal] = [
        Refusal(.sessions, .notEnabled) { $0.send(Ask("GET", "/sessions").bearer($0.pair().access)) },
        Refusal(.sessions, .requestMalformed) { $0.send(Ask("GET", "/sessions?all=1").bearer($0.pair().access)) },
        Refusal(.listedSession, .notEnabled) { world in
            let pair = world.pair()
            return world.send(Ask("DELETE", "/sessions/\(pair.sid)").bearer(pair.access))
        },
        Refusal(.listedSession, .requestMalformed) {
            $0.send(Ask("DELETE", "/sessions/x").with("Authorization", "Bearer"))
        },
        Refusal(.listedSession, .notFound) { world in
            let other = world.pair("bob")
            return world.send(Ask("DELETE", "/sessions/\(other.sid)").bearer(world.pair().access))
        },
        Refusal(.listedSession, .journalUnavailable) { world in
            let pair = world.pair()
            world.journal.breakDown()
            return world.send(Ask("DELETE", "/sessions/\(pair.sid)").bearer(pair.access))
        },
    ]

    static let ofAuth: [Refusal] = [
        Refusal(.auth, .sequenceNotReached) { $0.send(Ask("GET", "/auth?min_seq=1:1000000").bearer($0.pair().access)) },
        Refusal(.auth, .sequenceUnknown) { $0.send(Ask("GET", "/auth?min_seq=2:1").bearer($0.pair().access)) },
        Refusal(.auth, .scopeInsufficient) {
            $0.send(Ask("GET", "/auth?scope=read+write").bearer($0.pair("bob").access))
        },
        Refusal(.auth, .roleInsufficient) { $0.send(Ask("PUT", "/auth?role=admin+root").bearer($0.pair().access)) },
        Refusal(.auth, .conditionInvalid) { $0.send(Ask("GET", "/auth?roles=admin").bearer($0.pair().access)) },
        Refusal(.auth, .authTooOld) { world in
            let token = world.pair().access
            world.clock.advance(11)
            return world.send(Ask("GET", "/auth?max_age=10").bearer(token))
        },
        Refusal(.auth, .subjectMismatch) { $0.send(Ask("GET", "/auth?subject=x").bearer($0.pair().access)) },
        Refusal(.auth, .clientMismatch) { $0.send(Ask("GET", "/auth?client_id=x").bearer($0.pair().access)) },
        Refusal(.auth, .claimMismatch) {
            $0.send(Ask("GET", "/auth?claims=%7B%22amr%22:%22otp%22%7D").bearer($0.pair().access))
        },
    ]

    static let ofLogin: [Refusal] = [
        Refusal(.login, .sequenceNotReached) {
            $0.send(Ask("POST", "/login").form("username=alice&password=x&min_seq=1000000"))
        },
        Refusal(.login, .sequenceUnknown) {
            $0.send(Ask("POST", "/login").json("{\"username\":\"alice\",\"password\":\"x\",\"min_seq\":\"2:1\"}"))
        },
        Refusal(.login, .requestMalformed) { $0.send(Ask("POST", "/login").json("{\"username\":\"alice\"}")) },
        Refusal(.login, .requestMalformed) { $0.send(World.login(password: String(repeating: "x", count: 1_025))) },
        Refusal(.login, .requestMalformed) { $0.send(World.login(String(repeating: "x", count: 129))) },
        Refusal(.login, .requestMalformed) {
            $0.send(Ask("POST", "/login").form("username=alice&password=x&mode=token"))
        },
        Refusal(.login, .unsupportedMediaType) { $0.send(Ask("POST", "/login").content("{}", "text/json")) },
        Refusal(.login, .scopeInvalid) {
            $0.send(Ask("POST", "/login").form(["username": "bob", "password": World.password, "scope": "read admin"]))
        },
        Refusal(.login, .audienceInvalid) {
            $0.send(Ask("POST", "/login").form(["username": "bob", "password": World.password, "audience": "moon"]))
        },
        Refusal(.login, .audienceInvalid) {
            $0.send(World.login().basic(World.encoded("bank&co=1"), World.encoded(World.secret)))
        },
        Refusal(.login, .invalidCredentials) { $0.send(World.login(password: "wrong")) },
        Refusal(.login, .clientInvalid) { $0.send(World.login().basic("shop", "wrong")) },
        Refusal(.login, .tooManyAttempts) { world in
            for _ in 0..<3 { #expect(world.send(World.login(password: "wrong")).status == 401) }
            return world.send(World.login())
        },
        Refusal(.login, .hashingSaturated) { world in
            let gate = DispatchSemaphore(value: 0)
            defer { for _ in 0..<2 { gate.signal() } }
            let isTaken = DispatchSemaphore(value: 0)
            #expect(
                world.authState.hashing.submit {
                    isTaken.signal()
                    gate.wait()
                })
            isTaken.wait()
            #expect(
                world.authState.hashing.submit(.other(lastFailure: nil)) {
                    gate.wait()
                } refused: { _ in
                } == nil)
            return world.send(World.login())
        },
        Refusal(.login, .signingUnavailable) { world in
            try world.loseSigner()
            return world.send(World.login())
        },
        Refusal(.login, .journalUnavailable) { world in
            let token = world.pair().access
            world.journal.breakDown()
            #expect(world.revoke(token).status == 503)
            return world.send(World.login())
        },
    ]

    static let ofLogout: [Refusal] = [
        Refusal(.logout, .requestMalformed) {
            $0.send(Ask("POST", "/logout").bearer($0.pair().access).json("{\"scope\":\"none\"}"))
        },
        Refusal(.logout, .requestMalformed) {
            $0.send(Ask("POST", "/logout").bearer($0.pair().access).form("refresh_token=\($0.pair().refresh)"))
        },
        Refusal(.logout, .requestMalformed) {
            $0.send(Ask("POST", "/logout").bearer(Forged.access(["aud": "\"shared\""])))
        },
        Refusal(.logout, .requestMalformed) {
            $0.send(Ask("POST", "/logout").bearer($0.pair().access).form("scoop=global"))
        },
        Refusal(.logout, .requestMalformed) {
            $0.send(Ask("POST", "/logout?scope=global").bearer($0.pair().access))
        },
        Refusal(.logout, .algNotAllowed) {
            $0.send(Ask("POST", "/logout").bearer(Forged.access(["aud": "\"shared\"", "sid": "\"\($0.pair().sid)\""])))
        },
        Refusal(.logout, .unsupportedMediaType) { $0.send(Ask("POST", "/logout").content("a", "text/plain")) },
        Refusal(.logout, .journalUnavailable) { world in
            let token = world.pair().access
            world.journal.breakDown()
            return world.send(Ask("POST", "/logout").bearer(token))
        },
        Refusal(.logout, .refreshInvalid) { $0.send(Ask("POST", "/logout").form("refresh_token=a.b.c")) },
        Refusal(.logout, .refreshIdle) { world in
            let token = world.pair().refresh
            world.clock.advance(14 * 86_400)
            return world.send(Ask("POST", "/logout").form("refresh_token=\(token)"))
        },
        Refusal(.logout, .refreshExpired) { world in
            let token = world.pair().refresh
            world.clock.advance(90 * 86_400)
            return world.send(Ask("POST", "/logout").form("refresh_token=\(token)"))
        },
    ]

    static let ofRevoke: [Refusal] = [
        Refusal(.revoke, .requestMalformed) { $0.send(Ask("POST", "/revoke").form("token=")) },
        Refusal(.revoke, .unsupportedMediaType) { $0.send(Ask("POST", "/revoke").json("{\"token\":\"a\"}")) },
        Refusal(.revoke, .clientInvalid) { $0.revoke($0.pair(of: "shop").access) },
        Refusal(.revoke, .clientInvalid) { $0.send(Ask("POST", "/revoke").form("token=a").basic("nobody", "x")) },
        Refusal(.revoke, .clientNotAllowed) {
            $0.send(
                Ask("POST", "/revoke").form(["token": $0.pair(of: "shop").refresh])
                    .basic("secretive", World.encoded(World.secret)))
        },
        Refusal(.revoke, .clientNotAllowed) { $0.revoke(Forged.access(["aud": "\"shared\""])) },
        Refusal(.revoke, .journalUnavailable) { world in
            let token = world.pair().access
            world.journal.breakDown()
            return world.revoke(token)
        },
    ]

    /// Guesses of an address that the client never used.
    static let ofGuessing: [Refusal] = [
        (Route.login, "username=alice&password=a"), (.refresh, "refresh_token=a"), (.introspect, "token=a"),
        (.token, "grant_type=client_credentials"), (.revoke, "token=a"),
    ].map { route, content in
        Refusal(route, .tooManyAttempts) { world in
            let guess = Ask("POST", "\(route.path)").form(content)
            for number in 0..<3 { #expect(world.send(guess.basic("shop", "wrong\(number)")).code == "client_invalid") }
            return world.send(guess.basic("shop", World.encoded(World.secret)))
        }
    }

    static let ofIntrospect: [Refusal] = [
        Refusal(.introspect, .sequenceNotReached) {
            $0.send(
                Ask("POST", "/introspect").form("token=a&min_seq=1:1000000").basic("shop", World.encoded(World.secret)))
        },
        Refusal(.introspect, .sequenceUnknown) {
            $0.send(Ask("POST", "/introspect").form("token=a&min_seq=2:1").basic("shop", World.encoded(World.secret)))
        },
        Refusal(.introspect, .requestMalformed) {
            $0.send(Ask("POST", "/introspect").form("").basic("shop", World.encoded(World.secret)))
        },
        Refusal(.introspect, .unsupportedMediaType) { $0.send(Ask("POST", "/introspect").json("{\"token\":\"a\"}")) },
        Refusal(.introspect, .clientInvalid) { $0.send(Ask("POST", "/introspect").form("token=a")) },
        Refusal(.introspect, .clientInvalid) {
            $0.send(Ask("POST", "/introspect").form("token=a").bearer($0.pair().access))
        },
        Refusal(.introspect, .clientInvalid) {
            $0.send(Ask("POST", "/introspect").form("token=a").basic("old", World.encoded(World.secret)))
        },
    ]

    static let ofAdmin: [Refusal] = [
        Refusal(.adminRevocations, .requestMalformed) { $0.order("{}") },
        Refusal(.adminRevocations, .requestMalformed) { $0.order("{\"all\":false}") },
        Refusal(.adminRevocations, .requestMalformed) { $0.order("{\"all\":\"yes\"}") },
        Refusal(.adminRevocations, .requestMalformed) { $0.order("{\"sub\":\"a\",\"kid\":\"b\"}") },
        Refusal(.adminRevocations, .requestMalformed) { $0.order("{\"sid\":\"a\"}") },
        Refusal(.adminRevocations, .requestMalformed) {
            $0.order("{\"jti\":\"019a\"}")
        },
        Refusal(.adminRevocations, .requestMalformed) {
            $0.order("{\"jti\":\"019a0000-0000-8000-8000-00000000abcd\",\"expires_at\":9223372036854775807}")
        },
        Refusal(.adminRevocations, .unsupportedMediaType) {
            $0.send(Ask("POST", "/admin/revocations", role: .operator).form("all=true").from(.local))
        },
        Refusal(.adminRevocations, .notFound) {
            $0.send(Ask("POST", "/admin/revocations", role: .operator).json("{\"all\":true}"))
        },
        Refusal(.adminRevocations, .journalUnavailable) { world in
            world.journal.breakDown()
            return world.order("{\"all\":true}")
        },
        Refusal(.adminStatus, .notFound) { $0.send(Ask("GET", "/admin/status", role: .operator)) },
    ]
}

extension Refusal {
    static let ofFeed: [Refusal] =
        [Route.revocations, .snapshot].flatMap { route in
            [
                Refusal(route, .notEnabled) { $0.send(World.feed(at: route)) },
                Refusal(route, .requestMalformed) { $0.send(World.feed("after=x", at: route)) },
                Refusal(route, .requestMalformed) { $0.send(Ask("GET", "\(route)").with("Authorization", "Bearer")) },
                Refusal(route, .clientInvalid) { $0.send(Ask("GET", "\(route)").basic(World.reader, "wrong")) },
                Refusal(route, .tooManyAttempts) { world in
                    let guess = Ask("GET", "\(route)")
                    for number in 0..<3 {
                        #expect(world.send(guess.basic("shop", "wrong\(number)")).code == "client_invalid")
                    }
                    return world.send(guess.basic("shop", World.encoded(World.secret)))
                },
                Refusal(route, .scopeInsufficient) {
                    $0.send(Ask("GET", "\(route)").basic("shop", World.encoded(World.secret)))
                },
                Refusal(route, .scopeInsufficient) { $0.send(Ask("GET", "\(route)").bearer($0.pair().access)) },
            ]
        } + [
            Refusal(.revocations, .sequenceAhead) { $0.send(World.feed("after=1:1000000")) },
            Refusal(.revocations, .sequenceUnknown) { $0.send(World.feed("after=2:1")) },
            Refusal(.revocations, .sequenceGone) { world in
                let start = world.head
                #expect(world.order("{\"sid\":\"\(world.pair().sid)\"}").status == 200)
                world.clock.advance(3_601)
                for _ in 0..<2 { #expect(world.order("{\"sid\":\"\(world.pair().sid)\"}").status == 200) }
                return world.send(World.feed("after=\(start)"))
            },
            Refusal(.snapshot, .signingUnavailable) { world in
                try world.loseSigner()
                return world.send(World.feed(at: .snapshot))
            },
            Refusal(.snapshot, .journalUnavailable) { world in
                world.authState.revocations.close()
                return world.send(World.feed(at: .snapshot))
            },
        ]
}
