import API
import Revocation

/// What `/session/data` rejects.
extension Refusal {
    static let ofSessionData: [Refusal] = [
        Refusal(.sessionData, .notEnabled) { $0.send(Ask("GET", "/session/data").bearer($0.pair().access)) },
        Refusal(.sessionData, .requestMalformed) { $0.send(Ask("GET", "/session/data?x=1").bearer($0.pair().access)) },
        Refusal(.sessionData, .requestMalformed) { $0.patch("[]") },
        Refusal(.sessionData, .requestMalformed) { $0.patch("{\"a\":1,\"a\":2}") },
        Refusal(.sessionData, .requestMalformed) {
            $0.send(Ask("GET", "/session/data").bearer($0.pair().access).with("If-Match", "1"))
        },
        Refusal(.sessionData, .preconditionFailed) {
            $0.send(Ask("DELETE", "/session/data").bearer($0.pair().access).with("If-Match", "\"1-0\""))
        },
        Refusal(.sessionData, .unsupportedMediaType) {
            $0.send(Ask("PATCH", "/session/data").bearer($0.pair().access).form("a=1"))
        },
        Refusal(.sessionData, .unsupportedMediaType) {
            $0.send(
                Ask("PUT", "/session/data").bearer($0.pair().access).with("If-None-Match", "*")
                    .content("{}", "application/merge-patch+json"))
        },
        Refusal(.sessionData, .preconditionRequired) {
            $0.send(Ask("PUT", "/session/data").bearer($0.pair().access).json("{}"))
        },
        Refusal(.sessionData, .dataBusy) { world in
            world.data?.fail((0..<20).map { $0 % 2 == 0 ? nil : .conflict })
            return world.patch("{\"a\":1}")
        },
        Refusal(.sessionData, .storeUnavailable) { world in
            world.data?.fail([.unavailable(reason: "no connection")])
            return world.patch("{\"a\":1}")
        },
        Refusal(.sessionData, .storeUnavailable) { world in
            world.data?.fail([nil, .unconfirmed(reason: "the connection ended")])
            return world.patch("{\"a\":1}")
        },
    ]
}

extension World {
    /// Of this world, if its sessions have data.
    var data: MemorySessionData? { authState.sessionData as? MemorySessionData }

    /// - Parameter token: of a new session unless given.
    func patch(_ text: String, _ token: String? = nil) -> Answer {
        send(
            Ask("PATCH", "/session/data").bearer(token ?? pair().access)
                .content(text, "application/merge-patch+json"))
    }
}
