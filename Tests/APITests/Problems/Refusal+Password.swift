import Accounts
import Dispatch
import Service
import Testing

@testable import API

extension Refusal {
    private static let form = "current_password=correct+horse&new_password=another+one"

    private static func refusal(_ code: ProblemCode, _ act: @escaping @Sendable (World) throws -> Answer) -> Refusal {
        Refusal(.password, code, act)
    }

    static let ofPassword =
        ofTokens(.password) { $0.send(Ask("POST", "/password").bearer($1).form(form)) } + [
            refusal(.tokenMissing) { $0.send(Ask("POST", "/password").form(form)) },
            refusal(.requestMalformed) { $0.send(Ask("POST", "/password").bearer($0.pair().access).form("x=y")) },
            refusal(.unsupportedMediaType) {
                $0.send(Ask("POST", "/password").bearer($0.pair().access).content("x", "text/plain"))
            },
            refusal(.clientInvalid) {
                $0.send(
                    Ask("POST", "/password").bearer($0.pair().access)
                        .form(form + "&client_id=shop&client_secret=wrong"))
            },
            refusal(.passwordWrong) {
                $0.send(
                    Ask("POST", "/password").bearer($0.pair().access)
                        .form("current_password=wrong&new_password=another+one"))
            },
            refusal(.passwordUnfit) {
                $0.send(
                    Ask("POST", "/password").bearer($0.pair().access)
                        .form("current_password=correct+horse&new_password=a"))
            },
            refusal(.tooManyAttempts) { world in
                let pair = world.pair()
                for _ in 0..<3 { #expect(world.send(World.login(password: "wrong")).status == 401) }
                return world.send(Ask("POST", "/password").bearer(pair.access).form(form))
            },
            refusal(.hashingSaturated) { world in
                let pair = world.pair()
                let gate = DispatchSemaphore(value: 0)
                defer { for _ in 0..<2 { gate.signal() } }
                let isTaken = DispatchSemaphore(value: 0)
                #expect(
                    world.authState.hashing.submit {
                        isTaken.signal()
                        gate.wait()
                    })
                isTaken.wait()
                #expect(world.authState.hashing.submit { gate.wait() })
                return world.send(Ask("POST", "/password").bearer(pair.access).form(form))
            },
            refusal(.usersUnavailable) { world in
                world.usersFile.isWritable = false
                return world.send(Ask("POST", "/password").bearer(world.pair().access).form(form))
            },
            refusal(.sessionsNotEnded) { world in
                let pair = world.pair()
                world.journal.breakDown()
                return world.send(Ask("POST", "/password").bearer(pair.access).form(form))
            },
            refusal(.journalUnavailable) { world in
                let (pair, other) = (world.pair(), world.pair())
                world.journal.breakDown()
                #expect(world.revoke(other.access).status == 503)
                return world.send(Ask("POST", "/password").bearer(pair.access).form(form))
            },
        ]

    static let ofSessionGrant = [
        Refusal(.token, .userInvalid) { world in
            let portal = try world.authState.clients.current.changing("shop") { $0.grants = [Client.session] }
            world.authState.clients.replace(with: portal)
            return world.send(
                Ask("POST", "/token").form("grant_type=\(Client.session)&username=mallory")
                    .basic("shop", World.encoded(World.secret)))
        }
    ]
}
