import API
import Revocation
import Service
import Testing

/// One way to be refused: what to do to a new world, and the code that must come back.
struct Refusal: Sendable, CustomTestStringConvertible {
    let endpoint: Route
    let code: ProblemCode
    let act: @Sendable (World) throws -> Answer

    init(_ endpoint: Route, _ code: ProblemCode, _ act: @escaping @Sendable (World) throws -> Answer) {
        self.endpoint = endpoint
        self.code = code
        self.act = act
    }

    /// A new world. Users can list their sessions, unless that is what is refused.
    func world() throws -> World {
        let lists = [.sessions, .listedSession].contains(endpoint) && code != .notEnabled
        let feed: FeedAccess? = [.revocations, .snapshot].contains(endpoint) && code == .notEnabled ? nil : .clients
        let data = endpoint == .sessionData && code != .notEnabled ? MemorySessionData() : nil
        let store = code == .storeUnavailable ? Self.store : nil
        return try World(feed: feed, followed: code == .stale ? .neverRead : nil, data: data, store: store) {
            $0.sessionList = lists ? SessionListSettings() : nil
        }
    }

    /// What a server on an engine has, and one with its own journal has not.
    private static var store: StoreStatus {
        let knowledge = KnowledgeAge(rule: .init(ageMax: nil, rejectsStale: false), clock: { 0 })
        knowledge.advance(asOf: 0)
        return StoreStatus(name: "redis://store", node: "a", knowledge: knowledge)
    }

    var testDescription: String { "\(endpoint) \(code.rawValue)" }

    static let all =
        withJournal
        + withJournal.filter { refusal in
            // What the journal of a server cannot record, an engine cannot either.
            refusal.code == .journalUnavailable && refusal.endpoint.codes.contains(.storeUnavailable)
        }.map { Refusal($0.endpoint, .storeUnavailable, $0.act) }

    private static let withJournal =
        ofTokens(.verify) { $0.verify($1) } + ofTokens(.auth) { $0.send(Ask("GET", "/auth").bearer($1)) }
        + ofTokens(.sessions) { $0.send(Ask("GET", "/sessions").bearer($1)) }
        + ofTokens(.listedSession) { $0.send(Ask("DELETE", "/sessions/\(World.alice)").bearer($1)) } + ofSessions
        + ofTokens(.logout) { $0.send(Ask("POST", "/logout").bearer($1)) } + ofRefresh(.refresh) + ofRefresh(.token)
        + ofTokens(.session) { $0.send(Ask("GET", "/session").bearer($1)) } + ofCookies + ofGatewayCookies
        + ofTokens(.sessionData) { $0.send(Ask("GET", "/session/data").bearer($1)) } + ofSessionData
        + ofTokens(.revocations) { $0.send(Ask("GET", "/revocations").bearer($1)) }
        + ofTokens(.snapshot) { $0.send(Ask("GET", "/revocations/snapshot").bearer($1)) } + ofFeed
        + ofLogout + ofVerify + ofBatch + ofAuth + ofLogin + ofRevoke + ofIntrospect
        + ofStale + ofPassword + ofSessionGrant + ofGuessing + ofAdmin

    private static func method(of endpoint: Route) -> String {
        if endpoint == .listedSession { return "DELETE" }
        return [.logout, .password].contains(endpoint) ? "POST" : "GET"
    }

    /// Every way an access token can be refused; `ask` presents one.
    static func ofTokens(_ endpoint: Route, _ ask: @escaping @Sendable (World, String) -> Answer) -> [Refusal] {
        func refusal(_ code: ProblemCode, _ token: @escaping @Sendable (World) throws -> String) -> Refusal {
            Refusal(endpoint, code) { world in ask(world, try token(world)) }
        }
        return [
            Refusal(endpoint, .tokenMissing) { $0.send(Ask(method(of: endpoint), "\(endpoint.path)")) },
            refusal(.tokenMalformed) { _ in "a.b" },
            refusal(.tokenMalformed) { _ in Forged.access(header: ["crit": "[\"exp\"]"]) },
            refusal(.tokenTooLarge) { _ in String(repeating: "a", count: 8_193) },
            refusal(.algNotAllowed) { _ in Forged.access(header: ["alg": "\"none\""]) },
            refusal(.algNotAllowed) { _ in Forged.access(header: ["alg": "\"HS256\"", "kid": "\"\(World.rs256.kid)\""])
            },
            refusal(.kidUnknown) { _ in Forged.access(header: ["kid": "\"nobody\""]) },
            refusal(.kidUnknown) { _ in Forged.access(header: ["kid": nil]) },
            refusal(.signatureInvalid) { _ in
                Forged.access(header: ["kid": "\"\(World.hs256.kid)\""], key: World.refresh)
            },
            refusal(.typMismatch) { $0.pair().refresh },
            refusal(.typMismatch) { _ in Forged.access(header: ["typ": "\"JWT\""]) },
            refusal(.issuerMismatch) { _ in Forged.access(["iss": "\"\(World.issuer)/\""]) },
            refusal(.audienceMismatch) { _ in Forged.access(["aud": "\"elsewhere\""]) },
            refusal(.claimMissing) { _ in Forged.access(["exp": nil]) },
            refusal(.claimInvalid) { _ in Forged.access(["exp": "\"soon\""]) },
            refusal(.tokenExpired) { world in
                let token = world.pair().access
                world.clock.advance(600)
                return token
            },
            refusal(.tokenNotActive) { _ in Forged.access(["nbf": "\(World.start.seconds.adding(seconds: 1))"]) },
            refusal(.tokenRevoked) { world in
                let token = world.pair().access
                #expect(world.revoke(token).status == 200)
                return token
            },
            refusal(.sessionRevoked) { world in
                let pair = world.pair()
                #expect(world.order("{\"sid\":\"\(pair.sid)\"}").status == 200)
                return pair.access
            },
            refusal(.subjectRevoked) { world in
                let token = world.pair().access
                #expect(world.order("{\"sub\":\"\(World.alice)\"}").status == 200)
                return token
            },
            refusal(.subjectRevoked) { world in
                let token = world.pair().access
                #expect(world.order("{\"all\":true}").status == 200)
                return token
            },
            refusal(.subjectRevoked) { world in
                let token = world.pair().access
                world.authState.users.replace(
                    with: try world.authState.users.current.changing("alice") { $0.isDisabled = true })
                return token
            },
            refusal(.clientRevoked) { world in
                let token = world.pair(of: "shop").access
                #expect(world.order("{\"client_id\":\"shop\"}").status == 200)
                return token
            },
            refusal(.keyRevoked) { world in
                let token = world.pair().access
                #expect(world.order("{\"kid\":\"\(World.rs256.kid)\"}").status == 200)
                return token
            },
        ]
    }

    /// Every way a refresh can be refused, at `/refresh` and at `/token` alike.
    static func ofRefresh(_ endpoint: Route) -> [Refusal] {
        @Sendable func ask(_ form: String) -> Ask {
            Ask("POST", "\(endpoint.path)").form("grant_type=refresh_token&" + form)
        }
        func refusal(_ code: ProblemCode, _ act: @escaping @Sendable (World) throws -> Answer) -> Refusal {
            Refusal(endpoint, code, act)
        }
        return [
            refusal(.requestMalformed) { $0.send(ask("")) },
            refusal(.requestMalformed) { $0.send(ask("refresh_token=\($0.pair().refresh)&min_seq=1:x")) },
            refusal(.sequenceNotReached) { $0.send(ask("refresh_token=\($0.pair().refresh)&min_seq=1:1000000")) },
            refusal(.sequenceUnknown) { $0.send(ask("refresh_token=\($0.pair().refresh)&min_seq=2:1")) },
            refusal(endpoint == .token ? .grantNotAllowed : .grantUnsupported) {
                $0.send(
                    Ask("POST", "\(endpoint.path)").form("grant_type=client_credentials")
                        .basic("shop", World.encoded(World.secret)))
            },
            refusal(.signingUnavailable) { world in
                let token = world.pair().refresh
                try world.loseSigner()
                return world.send(ask("refresh_token=\(token)"))
            },
            refusal(.requestMalformed) { $0.send(ask("refresh_token=a&refresh_token=a")) },
            refusal(.unsupportedMediaType) { $0.send(Ask("POST", "\(endpoint.path)").content("x", "text/plain")) },
            refusal(.grantUnsupported) {
                $0.send(Ask("POST", "\(endpoint.path)").form("grant_type=password&username=alice&password=x"))
            },
            refusal(.scopeInvalid) { $0.send(ask("refresh_token=\($0.pair("bob").refresh)&scope=read+write")) },
            refusal(.scopeInvalid) { $0.send(ask("refresh_token=\($0.pair().refresh)&scope=%22")) },
            refusal(.audienceInvalid) { $0.send(ask("refresh_token=\($0.pair().refresh)&audience=billing")) },
            refusal(.refreshMismatch) { world in
                let token = world.pair().refresh
                #expect(world.send(ask("refresh_token=\(token)")).status == 200)
                return world.send(ask("refresh_token=\(token)&scope=read"))
            },
            refusal(.clientInvalid) { $0.send(ask("refresh_token=\($0.pair(of: "shop").refresh)")) },
            refusal(.clientInvalid) { $0.send(ask("refresh_token=\($0.pair().refresh)").basic("shop", "wrong")) },
            refusal(endpoint == .token ? .refreshInvalid : .clientNotAllowed) {
                $0.send(
                    ask("refresh_token=\($0.pair(of: "shop").refresh)").basic("secretive", World.encoded(World.secret)))
            },
            refusal(.journalUnavailable) { world in
                let token = world.pair().refresh
                world.journal.breakDown()
                return world.send(ask("refresh_token=\(token)"))
            },
            refusal(.refreshInvalid) { $0.send(ask("refresh_token=x")) },
            refusal(.refreshInvalid) { $0.send(ask("refresh_token=\($0.pair().access)")) },
            refusal(.refreshIdle) { world in
                let token = world.pair().refresh
                world.clock.advance(14 * 86_400)
                return world.send(ask("refresh_token=\(token)"))
            },
            refusal(.refreshExpired) { world in
                let token = world.pair().refresh
                world.clock.advance(90 * 86_400)
                return world.send(ask("refresh_token=\(token)"))
            },
            refusal(.refreshReused) { world in
                let token = world.pair().refresh
                #expect(world.send(ask("refresh_token=\(token)")).status == 200)
                world.clock.advance(11)
                return world.send(ask("refresh_token=\(token)"))
            },
            refusal(.sessionRevoked) { world in
                let pair = world.pair()
                #expect(world.order("{\"sid\":\"\(pair.sid)\"}").status == 200)
                return world.send(ask("refresh_token=\(pair.refresh)"))
            },
            refusal(.subjectRevoked) { world in
                let token = world.pair().refresh
                #expect(world.order("{\"sub\":\"\(World.alice)\"}").status == 200)
                return world.send(ask("refresh_token=\(token)"))
            },
            refusal(.subjectRevoked) { world in
                let token = world.pair().refresh
                world.authState.users.replace(with: try world.authState.users.current.removing("alice"))
                return world.send(ask("refresh_token=\(token)"))
            },
            refusal(.clientRevoked) { world in
                let token = world.pair(of: "shop").refresh
                #expect(world.order("{\"client_id\":\"shop\"}").status == 200)
                return world.send(ask("refresh_token=\(token)").basic("shop", World.encoded(World.secret)))
            },
            refusal(.keyRevoked) { world in
                let token = world.pair().refresh
                #expect(world.order("{\"kid\":\"\(World.refresh.kid)\"}").status == 200)
                return world.send(ask("refresh_token=\(token)"))
            },
        ]
    }
}
