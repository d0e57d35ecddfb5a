/// Why a fetch failed. Contains addresses and reasons, never what was sent or received.
package enum FetchError: Error, Equatable, Sendable {
    /// The URL is invalid or of an unsupported kind.
    case url(String)
    /// The URL is not encrypted and names another machine, or a redirect leaves TLS.
    case insecure(String)
    case unresolved(host: String, reason: String)
    case unreachable(address: String, reason: String)
    /// The server's certificate is invalid, or no common TLS version or suite exists.
    case tls(host: String, reason: String)
    case timedOut(address: String)
    /// The server closed the connection too early, or its response is not valid HTTP/1.1.
    case answer(ResponseError)
    case status(UInt16, address: String)
    case redirectedTooOften
}

extension FetchError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .url(let text): "«\(text)» is not a usable http or https URL"
        case .insecure(let text): "«\(text)»: only https is allowed, or http to this machine"
        case .unresolved(let host, let reason): "\(host): \(reason)"
        case .unreachable(let address, let reason): "\(address): \(reason)"
        case .tls(let host, let reason): "\(host): TLS: \(reason)"
        case .timedOut(let address): "\(address): no complete response in time"
        case .answer(let fault): "the answer is \(fault)"
        case .status(let status, let address): "\(address) answers \(status)"
        case .redirectedTooOften: "one redirect leads to the next"
        }
    }
}
