import App
import Encoding
import Glibc
import HTTPClient
import Platform

/// Sends requests to the running service over its operator socket. Responses are limited in size and every exchange in
/// time.
struct OperatorClient {
    private static let bodyByteCountMax = 1 << 20

    /// The path of the socket.
    let path: String
    /// The time limit of one exchange in milliseconds.
    var milliseconds: Int64 = 5_000

    init(path: String) {
        self.path = path
    }

    /// Uses the first Unix socket in `MARTLET_OPERATOR_LISTEN`; nil if there is none, because administration is
    /// available on Unix sockets only.
    init?(_ settings: [String: String]) {
        let addresses = Setting.operatorListen.list(in: settings).compactMap { ListenAddressSpec($0) }
        for case .unix(let path, _) in addresses.map(\.place) {
            self.init(path: path)
            return
        }
        return nil
    }

    func get(_ target: String) throws(OperatorError) -> Answer {
        try ask("GET", target, fields: "", body: [])
    }

    func post(_ target: String, json: [UInt8]) throws(OperatorError) -> Answer {
        let fields = "Content-Type: application/json\r\nContent-Length: \(json.count)\r\n"
        return try ask("POST", target, fields: fields, body: json)
    }

    /// Sends `GET /admin/status`.
    func status() throws(OperatorError) -> ServiceStatus {
        try status(in: get("/admin/status"))
    }

    func status(in answer: Answer) throws(OperatorError) -> ServiceStatus {
        guard answer.status == 200 else { throw OperatorError(path, answer) }
        guard let status = ServiceStatus(answer.body) else { throw .unreadable(path) }
        return status
    }

    private func ask(
        _ method: String, _ target: String, fields: String, body: [UInt8]
    ) throws(OperatorError) -> Answer {
        let head = "\(method) \(target) HTTP/1.1\r\nHost: operator\r\nConnection: close\r\n\(fields)\r\n"
        var reader = ResponseReader(bodyByteCountMax: Self.bodyByteCountMax)
        do throws(StreamError) {
            let socket = try StreamSocket(unix: path, milliseconds: milliseconds)
            try socket.send(Array(head.utf8) + body)
            while true {
                let part = try socket.receive()
                do throws(ResponseError) {
                    if part.isEmpty { try reader.end() } else { try reader.take(part) }
                } catch {
                    throw .ended
                }
                if let answer = reader.answer { return answer }
            }
        } catch {
            throw OperatorError(path, error)
        }
    }
}

/// Why the running service could not be reached, or did not execute the request.
enum OperatorError: Error, Equatable {
    /// No process listens on the socket.
    case notRunning(String)
    /// The mode of the socket or of its directory denies access to this user.
    case noAccess(String)
    case unreachable(String, reason: String)
    case timedOut(String)
    /// The response is not HTTP, or comes from another program.
    case unreadable(String)
    /// The error that the service returned.
    case refused(status: UInt16, code: String, detail: String)

    init(_ path: String, _ fault: StreamError) {
        self =
            switch fault {
            case .unreachable(ENOENT), .unreachable(ECONNREFUSED): .notRunning(path)
            case .unreachable(EACCES), .unreachable(EPERM): .noAccess(path)
            case .unreachable(let code):
                .unreachable(path, reason: FileErrorText.message(of: code))
            case .timedOut: .timedOut(path)
            case .ended: .unreadable(path)
            }
    }

    /// Maps a response other than success.
    init(_ path: String, _ answer: Answer) {
        var document = JSONDocument()
        let bytes = answer.body
        guard (try? document.parse(bytes.span)) != nil, document.kind(0) == .object,
            let code = document.text("code", in: bytes.span)
        else {
            self = .unreadable(path)
            return
        }
        let detail = document.text("detail", in: bytes.span) ?? document.text("title", in: bytes.span) ?? ""
        self = .refused(status: answer.status, code: code, detail: detail)
    }
}

extension OperatorError: CustomStringConvertible {
    var description: String {
        switch self {
        case .notRunning(let path):
            "no service listens on \(path). Start it, or name its socket in \(Setting.operatorListen.name)"
        case .noAccess(let path):
            "\(path): permission denied. Run the command as the user of the service, as a member of its group, or as root"
        case .unreachable(let path, let reason): "\(path): \(reason)"
        case .timedOut(let path): "\(path): the service did not answer in time"
        case .unreadable(let path):
            "\(path): the answer is not from Martlet's operator listener; check \(Setting.operatorListen.name)"
        case .refused(let status, let code, let detail): "the service refused (\(status) \(code)): \(detail)"
        }
    }
}
