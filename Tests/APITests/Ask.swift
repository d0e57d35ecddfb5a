import Foundation
import HTTP
import Revocation

/// A request as a test writes it down.
struct Ask {
    var method = "GET"
    var path: String
    var query = ""
    /// In order; a name may stand twice.
    var fields: [(name: String, value: String)] = []
    var body: [UInt8] = []
    var role = Request.Role.service
    var peer = PeerAddress.ipv4(0xc000_0201)
    /// Whether a trusted proxy has brought it.
    var isRelayed = false
    /// Whether the connection brought nothing before it.
    var isFirst = true
    var peerUser: UInt32?

    init(_ method: String, _ target: String, role: Request.Role = .service) {
        self.method = method
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        path = String(parts[0])
        query = parts.count == 2 ? String(parts[1]) : ""
        self.role = role
    }

    func with(_ name: String, _ value: String) -> Ask {
        var ask = self
        ask.fields.append((name, value))
        return ask
    }

    func bearer(_ token: String) -> Ask { with("Authorization", "Bearer \(token)") }

    func basic(_ id: String, _ secret: String) -> Ask {
        with("Authorization", "Basic " + Data("\(id):\(secret)".utf8).base64EncodedString())
    }

    func content(_ text: String, _ type: String) -> Ask {
        var ask = with("Content-Type", type)
        ask.body = Array(text.utf8)
        return ask
    }

    func json(_ text: String) -> Ask { content(text, "application/json") }

    func form(_ text: String) -> Ask { content(text, "application/x-www-form-urlencoded") }

    /// A form of these pairs, encoded.
    func form(_ pairs: KeyValuePairs<String, String>) -> Ask {
        form(pairs.map { "\(Self.encoded($0.key))=\(Self.encoded($0.value))" }.joined(separator: "&"))
    }

    func relayed() -> Ask {
        var ask = self
        ask.isRelayed = true
        return ask
    }

    /// - Parameter user: of the process at the other end of a Unix socket.
    func from(_ peer: PeerAddress, user: UInt32? = nil) -> Ask {
        var ask = self
        ask.peer = peer
        ask.peerUser = user
        return ask
    }

    /// As the wire reader leaves it: names in lower case, values trimmed, everything a range of one buffer.
    func laidOut() -> Request {
        var lines = Lines()
        let name = Array(method.utf8)
        _ = lines.lay(method + " ")
        let path = lines.lay(path)
        if !query.isEmpty { _ = lines.lay("?") }
        let query = lines.lay(query)
        _ = lines.lay(" HTTP/1.1\r\n")
        let fields = fields.map { field in
            let name = lines.lay(field.name.lowercased())
            _ = lines.lay(": ")
            let value = lines.lay(field.value)
            _ = lines.lay("\r\n")
            return Request.Field(name: name, value: value)
        }
        _ = lines.lay("\r\n")
        let body = lines.lay(octets: body)
        // A buffer may hold the next message already.
        _ = lines.lay("GET /next HTTP/1.1\r\n")
        var request = Request(byteCount: 0)
        request.bytes = lines.octets
        request.method = Method(name.span)
        request.path = path
        request.query = query
        request.fields = fields
        request.body = body
        request.role = role
        request.peer = peer
        request.isRelayed = isRelayed
        request.isFirst = isFirst
        request.channel.peerUser = peerUser
        return request
    }

    /// Octets that know where each piece of them lies.
    private struct Lines {
        private(set) var octets: [UInt8] = []

        mutating func lay(_ text: String) -> Range<Int> { lay(octets: Array(text.utf8)) }

        mutating func lay(octets piece: [UInt8]) -> Range<Int> {
            octets += piece
            return (octets.count - piece.count)..<octets.count
        }
    }

    private static func encoded(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
    }
}

/// What came back.
struct Answer {
    let status: UInt16
    let fields: [(name: String, value: String)]
    let body: [UInt8]

    init(_ response: Response) {
        status = response.status
        body = response.body
        fields = String(decoding: response.fields, as: UTF8.self).components(separatedBy: "\r\n").dropLast().map {
            line in
            let colon = line.firstRange(of: ": ")
            return (
                String(line[..<(colon?.lowerBound ?? line.endIndex)]).lowercased(),
                String(line[(colon?.upperBound ?? line.endIndex)...])
            )
        }
    }

    /// The one value of a field; `nil` if it is absent, or there more than once.
    subscript(name: String) -> String? {
        let values = fields.filter { $0.name == name }
        return values.count == 1 ? values[0].value : nil
    }

    var text: String { String(decoding: body, as: UTF8.self) }

    var json: [String: Any] {
        (try? JSONSerialization.jsonObject(with: Data(body))) as? [String: Any] ?? [:]
    }

    func string(_ name: String) -> String? { json[name] as? String }
    func number(_ name: String) -> Int64? { (json[name] as? NSNumber)?.int64Value }

    /// The number of the position in `seq`.
    var seq: UInt64? { string("seq").flatMap { LedgerPosition(text: $0)?.seq } }
    /// That of the field `Revocation-Seq`.
    var revocationSeq: UInt64? { self["revocation-seq"].flatMap { LedgerPosition(text: $0)?.seq } }

    var code: String? { string("code") }
    var claims: [String: Any] { json["claims"] as? [String: Any] ?? [:] }
}
