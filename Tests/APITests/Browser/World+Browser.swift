import API
import Foundation
import HTTP

/// A browser's side of browser mode.
extension World {
    static let app = "https://app.example"
    /// A browser on this machine, which may use cookies without TLS.
    static let near = PeerAddress.ipv4(0x7f00_0001)
    static let browser = browser { _ in }

    static func browser(_ adjust: (inout Browser.Options) -> Void) -> Browser {
        var options = Browser.Options()
        options.origins = [issuer, app]
        adjust(&options)
        return Browser(options)
    }

    /// A login as a page of the service's own origin sends it.
    static func cookieLogin(_ name: String = "alice", _ members: String = "") -> Ask {
        Ask("POST", "/login").json("{\"username\":\"\(name)\",\"password\":\"\(password)\"\(members)}").sameOrigin
            .from(near)
    }

    /// A page that the browser loads by itself.
    static func navigation(_ target: String) -> Ask {
        Ask("GET", target).sameOrigin.with("Sec-Fetch-Mode", "navigate").with("Sec-Fetch-Dest", "document")
    }

    /// Roles that make the payload of a token longer by `byteCount`, at least 30.
    static func roles(byteCount: Int) -> [String] {
        var (roles, left) = ([String](), byteCount)
        while left >= 30 {
            roles.append("r\(1_000 + roles.count)" + String(repeating: "x", count: 15))
            left -= 23
        }
        return roles + [String(repeating: "r", count: left - 3)]
    }

    /// Makes the access tokens of alice so long that they fit into a header field, but not into a cookie.
    ///
    /// - Parameter token: one of her tokens as they are now.
    func outgrowCookie(_ token: String) throws {
        let more = Self.roles(byteCount: (4_086 - token.utf8.count) * 3 / 4)
        authState.users.replace(with: try authState.users.current.changing("alice") { $0.roles += more })
    }

    /// What a browser keeps after a login.
    func jar(_ name: String = "alice", _ members: String = "") -> Jar { Jar(send(Self.cookieLogin(name, members))) }
}

extension Ask {
    var sameOrigin: Ask { with("Sec-Fetch-Site", "same-origin") }

    func cookies(_ pairs: [String]) -> Ask { with("Cookie", pairs.joined(separator: "; ")) }
}

/// The cookies that an answer sets.
struct Jar {
    let lines: [String]

    init(_ answer: Answer) { lines = answer.fields.filter { $0.name == "set-cookie" }.map(\.value) }

    /// `NAME=VALUE` of one of the cookies, by the end of its name.
    func pair(_ kind: String) -> String {
        lines.first { $0.prefix { $0 != "=" }.hasSuffix("-\(kind)") }.map { String($0.prefix { $0 != ";" }) } ?? ""
    }

    func value(_ kind: String) -> String { String(pair(kind).drop { $0 != "=" }.dropFirst()) }

    /// Without name and value.
    func attributes(_ kind: String) -> String {
        let pair = pair(kind)
        return lines.first { $0.hasPrefix("\(pair);") }.map { String($0.dropFirst(pair.count + 2)) } ?? ""
    }

    var access: String { pair("access") }
    var device: String { pair("device") }
    var session: String { pair("session") }
    var refresh: String { pair("refresh") }
    /// What a browser sends to every path, and to `/refresh` alone.
    var atRoot: [String] { [access, session] }
    var atRefresh: [String] { [access, session, refresh] }

    /// Whether the answer removes the three of the session.
    var isCleared: Bool { clears(3) }
    /// Whether it also removes that of the device, and each of them with every place in which a browser may keep it.
    var isAllCleared: Bool { clears(8) && lines.filter { $0.hasSuffix("; Partitioned") }.count == 4 }

    private func clears(_ count: Int) -> Bool {
        lines.count == count && lines.allSatisfy { $0.contains("=; Max-Age=0; Secure; HttpOnly; Path=/") }
    }
}
