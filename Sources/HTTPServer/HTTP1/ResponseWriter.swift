import Encoding
import HTTP
import Platform

/// Serializes responses: status line, `Date`, framing and connection fields, and the content (RFC 9112 §4, §6).
struct ResponseWriter {
    /// The properties of a request that determine the form of its response.
    struct Context {
        var isHead = false
        var isVersion10 = false
        /// Whether the response carries `Connection: close` and the connection then closes.
        var closes = false
        /// Whether the response tells browsers to use TLS only (RFC 6797 §6.1).
        var demandsTLS = false
        /// Whether the content follows in pieces.
        var isStreamed = false
        /// Whether the length of content in pieces is known.
        var hasLength = false
    }

    static let continueLine: StaticString = "HTTP/1.1 100 Continue\r\n\r\n"

    private var date = CurrentDate()
    /// The status line and the constant fields of a 200 response, including the current date.
    private var usualStart: [UInt8] = []

    /// The value of the `Date` field.
    var dateText: [UInt8] { date.text }

    init() {
        setTime(0)
    }

    /// Updates the `Date` field.
    mutating func setTime(_ seconds: UnixSeconds) {
        guard date.setTime(seconds) || usualStart.isEmpty else { return }
        usualStart.removeAll(keepingCapacity: true)
        Self.appendStart(200, date.text, to: &usualStart)
    }

    func append(_ response: borrowing Response, _ context: Context, to output: inout [UInt8]) {
        // A handler must not return an interim response; the server itself sends 100.
        let status = response.status >= 200 && response.status <= 599 ? response.status : 500
        if status == 200 {
            output.append(usualStart.span)
        } else {
            Self.appendStart(status, date.text, to: &output)
        }
        output.append(response.fields.span)
        if context.demandsTLS { output.append("Strict-Transport-Security: max-age=31536000\r\n") }
        if context.closes {
            output.append("Connection: close\r\n")
        } else if context.isVersion10 {
            output.append("Connection: keep-alive\r\n")
        }
        // Neither 204 nor 304 carries Content-Length (RFC 9110 §8.6, §15.3.5, §15.4.5).
        guard status != 204, status != 304 else { return output.append("\r\n") }
        // Without chunks and without a length, the end of the connection ends the content (RFC 9112 §6.3).
        guard !context.isStreamed || response.contentByteCount != nil else {
            return output.append(context.isVersion10 ? "\r\n" : "Transfer-Encoding: chunked\r\n\r\n")
        }
        output.append("Content-Length: ")
        output.append(decimal: Int64(context.isStreamed ? response.contentByteCount ?? 0 : response.body.count))
        output.append("\r\n\r\n")
        if !context.isHead, !context.isStreamed { output.append(response.body.span) }
    }

    /// Appends one chunk (RFC 9112 §7.1), which must not be empty.
    static func append(chunk: Span<UInt8>, to output: inout [UInt8]) {
        var digit = (Int.bitWidth &- chunk.count.leadingZeroBitCount &+ 3) / 4
        while digit > 0 {
            digit &-= 1
            let value = UInt8(truncatingIfNeeded: chunk.count &>> (digit &* 4)) & 15
            output.append(value < 10 ? UInt8(ascii: "0") &+ value : UInt8(ascii: "a") &+ value &- 10)
        }
        output.append("\r\n")
        output.append(chunk)
        output.append("\r\n")
    }

    static let lastChunk: StaticString = "0\r\n\r\n"

    private static func appendStart(_ status: UInt16, _ date: [UInt8], to output: inout [UInt8]) {
        output.append("HTTP/1.1 ")
        output.append(decimal: Int64(status))
        output.append(.space)
        output.append(reason(status))
        output.append("\r\nDate: ")
        output.append(contentsOf: date)
        output.append("\r\nX-Content-Type-Options: nosniff\r\n")
    }

    /// Returns the reason phrase (RFC 9110 §15); empty for a status that this service never sends.
    private static func reason(_ status: UInt16) -> StaticString {
        switch status {
        case 200: "OK"
        case 201: "Created"
        case 202: "Accepted"
        case 204: "No Content"
        case 206: "Partial Content"
        case 301: "Moved Permanently"
        case 302: "Found"
        case 303: "See Other"
        case 304: "Not Modified"
        case 307: "Temporary Redirect"
        case 308: "Permanent Redirect"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 406: "Not Acceptable"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 410: "Gone"
        case 412: "Precondition Failed"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 415: "Unsupported Media Type"
        case 417: "Expectation Failed"
        case 422: "Unprocessable Content"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 505: "HTTP Version Not Supported"
        default: ""
        }
    }
}
