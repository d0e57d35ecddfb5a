import API

/// What the endpoints that read or set cookies refuse because of the cookies, or of where the request comes from.
extension Refusal {
    static let ofCookies: [Refusal] = [
        (Route.login, World.cookieLogin()), (.refresh, Ask("POST", "/refresh")), (.logout, Ask("POST", "/logout")),
        (.session, Ask("GET", "/session")), (.sessionData, Ask("GET", "/session/data")),
        (.sessions, Ask("GET", "/sessions")),
        (.listedSession, Ask("DELETE", "/sessions/\(World.alice)")), (.password, Ask("POST", "/password")),
    ].flatMap { endpoint, plain in
        var ask = plain
        ask.fields.removeAll { $0.name == "Sec-Fetch-Site" }
        let asked = ask
        return [
            Refusal(endpoint, .csrfFailed) { world in
                let foreign = asked.with("Sec-Fetch-Site", "cross-site").with("Origin", "https://evil.example")
                return world.send(foreign.cookies(world.jar().atRefresh))
            },
            Refusal(endpoint, .originNotAllowed) { world in
                world.send(asked.with("Origin", "https://evil.example").cookies(world.jar().atRefresh))
            },
            Refusal(endpoint, .cookieAmbiguous) { world in
                let jar = world.jar()
                return world.send(asked.sameOrigin.cookies(jar.atRefresh + [jar.session]))
            },
        ]
    }

    static let ofGatewayCookies: [Refusal] = [
        Refusal(.session, .requestMalformed) { $0.send(Ask("GET", "/session?x=1").bearer($0.pair().access)) },
        Refusal(.auth, .csrfFailed) { $0.send(Ask("POST", "/auth").cookies($0.jar().atRoot)) },
        Refusal(.auth, .originNotAllowed) {
            $0.send(Ask("GET", "/auth?via=request").with("Origin", "null").cookies($0.jar().atRoot))
        },
        Refusal(.refresh, .sessionReplaced) { world in
            let jar = world.jar()
            _ = world.send(World.cookieLogin().cookies(jar.atRoot))
            return world.send(Ask("POST", "/refresh").sameOrigin.cookies(jar.atRefresh))
        },
    ]
}
