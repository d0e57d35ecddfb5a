import Accounts
import Encoding
import HTTP
import Service

extension Application {
    /// The client that a request authenticates as, by HTTP Basic or by `client_id` and `client_secret` in the content
    /// (RFC 6749 §2.3.1). A request that uses both is rejected. A `client_id` that repeats the one of the header is not a
    /// second authentication; many client libraries send it.
    ///
    /// - Returns: `nil` when the request does not try to, or names the public first-party client, which has no secret.
    /// - Throws: `client_invalid` for a wrong secret or an unknown client, after the same work; `too_many_attempts` for a
    ///   source that guesses.
    func client(_ request: borrowing Request, _ parameters: Parameters) throws(Problem) -> Client? {
        // Empty values count as absent, in JSON as in a form: some libraries send them in addition to the header.
        let inContent = try parameters.text("client_id").flatMap { $0.isEmpty ? nil : $0 }
        let secret = try parameters.bytes("client_secret").flatMap { $0.isEmpty ? nil : $0 }
        guard request.fieldCount("authorization") > 0, let basic = BasicCredentials(request) else {
            // Another scheme is not client authentication: a stale bearer token must not invalidate a good secret.
            guard let inContent else {
                guard secret == nil else { throw Problem(.requestMalformed, "client_secret needs client_id.") }
                return nil
            }
            return try authenticate(inContent, secret ?? [], from: request.peer)
        }
        guard secret == nil else {
            throw Problem(.requestMalformed, "Authenticate the client once, either in the header or in the content.")
        }
        guard case .credentials(let id, let secret) = basic else { throw Problem(.clientInvalid) }
        guard inContent == nil || inContent == id else {
            throw Problem(.requestMalformed, "client_id differs from the client in the Authorization header.")
        }
        return try authenticate(id, secret, from: request.peer)
    }

    /// The client of an endpoint whose access rule is ``AccessRule/client``.
    func authenticatedClient(_ request: borrowing Request, _ parameters: Parameters) throws(Problem) -> Client {
        guard let client = try client(request, parameters) else {
            throw Problem(.clientInvalid, "This endpoint needs client authentication.")
        }
        return client
    }

    /// - Returns: nil for the public first-party client, which has no secret.
    func authenticate(_ id: String, _ secret: [UInt8], from source: PeerAddress) throws(Problem) -> Client? {
        if id == AuthState.firstPartyClient, secret.isEmpty { return nil }
        do throws(ClientFailure) {
            return try AuthenticateClient(context).authenticate(id, secret.span, from: source.sourceNumber)
        } catch {
            throw Problem(error)
        }
    }
}

/// `Authorization: Basic` as RFC 6749 §2.3.1 uses it: id and secret are form-encoded before they are joined.
enum BasicCredentials {
    case credentials(id: String, secret: [UInt8])
    /// The scheme is Basic, but nothing else is right.
    case malformed

    /// - Returns: `nil` when the request uses another scheme, or none.
    init?(_ request: borrowing Request) {
        guard request.fieldCount("authorization") > 0 else { return nil }
        guard let value = request.field("authorization") else {
            self = .malformed
            return
        }
        let text = request.bytes(value)
        guard let start = Self.startOfCredentials(text) else { return nil }
        let encoded = text.extracting(start..<text.count)
        guard let joined = Base64.decode(encoded), let colon = joined.firstIndex(of: UInt8(ascii: ":")),
            let id = Self.formDecoded(joined[..<colon]), let secret = Self.formDecoded(joined[(colon + 1)...])
        else {
            self = .malformed
            return
        }
        self = .credentials(id: String(decoding: id, as: UTF8.self), secret: id.isEmpty ? [] : secret)
    }

    /// The offset after the scheme, in any case, and the spaces that follow it; `nil` for another scheme.
    private static func startOfCredentials(_ text: Span<UInt8>) -> Int? {
        let scheme: StaticString = "basic "
        var start = scheme.utf8CodeUnitCount
        guard text.count >= start else { return nil }
        let isBasic = scheme.withUTF8Buffer { letters in
            (0..<start).allSatisfy { index in
                let byte = text[index]
                let isUpper = (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
                return unsafe (isUpper ? byte | 0x20 : byte) == letters[index]
            }
        }
        guard isBasic else { return nil }
        while start < text.count, text[start] == UInt8(ascii: " ") { start += 1 }
        return start
    }

    private static func formDecoded(_ octets: ArraySlice<UInt8>) -> [UInt8]? {
        // Decoding changes none of these; nearly every id and secret consists of them.
        let isUnchanged = octets.allSatisfy { $0 < 0x80 && $0 != UInt8(ascii: "%") && $0 != UInt8(ascii: "+") }
        if isUnchanged { return Array(octets) }
        guard octets.allSatisfy({ $0 != UInt8(ascii: "&") && $0 != UInt8(ascii: "=") }) else { return Array(octets) }
        let pair = Array("v=".utf8) + octets
        guard let form = try? URLEncodedForm(pair.span), case .one(let text) = form.value("v") else {
            return octets.isEmpty ? [] : nil
        }
        return Array(text.utf8)
    }
}
