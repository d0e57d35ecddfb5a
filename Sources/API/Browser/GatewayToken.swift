import HTTP
import JOSE
import Service
import Tokens

/// Why `/auth` lets a request not pass.
struct GatewayRefusal: Error {
    /// What a browser can do about it.
    enum Remedy: Equatable {
        case none
        /// Get new cookies, or sign in.
        case refresh
        /// Enter the password again: it must have been entered at most so many seconds ago.
        case password(ageMax: Int64)
    }

    let problem: Problem
    var remedy = Remedy.none
}

extension Application {
    /// The valid token of a gateway's request, and where it is.
    ///
    /// An Authorization field decides alone. Without one, the access cookie decides. The list of subprotocols counts only if
    /// there is neither.
    func gatewayToken(
        _ request: borrowing Request, _ expectations: VerifyExpectations, _ options: GatewayOptions, _ call: Call
    ) throws(GatewayRefusal) -> (token: VerifiedToken, place: Range<Int>) {
        switch RequestTokens.bearer(request) {
        case .at(let range): return (try gatewayToken(request, range, expectations, isCookie: false, call), range)
        case .malformed: throw GatewayRefusal(problem: Problem(.tokenMissing))
        case .absent: break
        }
        guard let browser = shared.browser else { throw GatewayRefusal(problem: Problem(.tokenMissing)) }
        let cookies = BrowserCookies(request, browser)
        guard !cookies.areAmbiguous else {
            let problem = Problem(.tokenMalformed, "A cookie of this service was sent more than once.")
            throw GatewayRefusal(problem: problem, remedy: .refresh)
        }
        switch cookies.access {
        case .absent: break
        case .unread: throw GatewayRefusal(problem: Problem(.tokenMalformed, BrowserCookies.unreadDetail))
        case .malformed, .repeated: throw GatewayRefusal(problem: Problem(.tokenMalformed), remedy: .refresh)
        case .one(let range):
            try checkGatewaySite(request, options, browser, call)
            let token = try gatewayToken(request, range, expectations, isCookie: true, call)
            try refuseRefreshCookie(of: token, request, cookies, browser)
            return (token, range)
        }
        switch options.readsSubprotocol ? SubprotocolToken(request) : .absent {
        case .absent: throw GatewayRefusal(problem: Problem(.tokenMissing), remedy: .refresh)
        case .malformed:
            let problem = Problem(.tokenMalformed, "Sec-WebSocket-Protocol must contain one token.")
            throw GatewayRefusal(problem: problem)
        case .at(let range):
            let token = try gatewayToken(request, range, expectations, isCookie: false, call)
            try refuseRefreshCookie(of: token, request, cookies, browser)
            return (token, range)
        }
    }

    /// The browser sends this cookie below the path of /refresh only. Whatever passes this gateway would get it as well.
    private func refuseRefreshCookie(
        of token: VerifiedToken, _ request: borrowing Request, _ cookies: BrowserCookies, _ browser: Browser
    ) throws(GatewayRefusal) {
        guard cookies.includeRefreshToken(of: token.sid, request, browser, context) else { return }
        let detail = "The refresh cookie belongs to the path of /refresh, which is not behind the gateway."
        throw GatewayRefusal(problem: Problem(.tokenMalformed, detail))
    }

    private func checkGatewaySite(
        _ request: borrowing Request, _ options: GatewayOptions, _ browser: Browser, _ call: Call
    ) throws(GatewayRefusal) {
        let method = clientMethod(request, options.gateway, call)
        do throws(Problem) {
            try CrossSite.check(request, .gateway(isSafe: method == .get || method == .head), browser)
        } catch {
            throw GatewayRefusal(problem: error)
        }
    }

    private func gatewayToken(
        _ request: borrowing Request, _ range: Range<Int>, _ expectations: VerifyExpectations, isCookie: Bool,
        _ call: Call
    ) throws(GatewayRefusal) -> VerifiedToken {
        do throws(VerifyFailure) {
            return try verifyToken.verify(request.bytes(range), expectations, at: call.now)
        } catch {
            let remedy = isCookie ? GatewayRefusal.Remedy(error, expectations) : .none
            throw GatewayRefusal(problem: Problem(error, expectations), remedy: remedy)
        }
    }
}

extension GatewayRefusal.Remedy {
    /// A token that is valid, but does not meet a condition, is as good after a refresh as before. A browser that was sent
    /// away with it would come back with the same.
    fileprivate init(_ failure: VerifyFailure, _ expectations: VerifyExpectations) {
        switch failure {
        case .rejected(.audienceMismatch): self = expectations.audience == nil ? .refresh : .none
        case .issuerMismatch(let named, _): self = named == nil ? .none : .refresh
        case .rejected, .revoked, .accountEnded: self = .refresh
        case .authenticationTooOld: self = expectations.ageMax.map { .password(ageMax: $0) } ?? .none
        case .scopeInsufficient, .roleInsufficient, .subjectMismatch, .clientMismatch, .claimMissing, .claimMismatch,
            .stale:
            self = .none
        }
    }
}

/// The token in the list of subprotocols that the handshake of a WebSocket offers, as `martlet.bearer.TOKEN`.
///
/// A page of another origin sends no cookie, and a script cannot set a header field of a handshake.
enum SubprotocolToken {
    case absent
    case at(Range<Int>)
    /// No token, or more than one.
    case malformed

    private static let prefix = Array("martlet.bearer.".utf8)

    init(_ request: borrowing Request) {
        self = .absent
        guard request.fieldCount("sec-websocket-key") == 1 else { return }
        for field in request.fields where request.isEqual(field.name, "sec-websocket-protocol") {
            var start = field.value.lowerBound
            while start < field.value.upperBound {
                let rest = request.bytes[start..<field.value.upperBound]
                let end = rest.firstIndex(of: UInt8(ascii: ",")) ?? field.value.upperBound
                let isBlank: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 }
                let name = request.bytes[start..<end].drop(while: isBlank)
                if name.starts(with: Self.prefix) {
                    let last = name.lastIndex { !isBlank($0) } ?? name.startIndex
                    let range = (name.startIndex + Self.prefix.count)..<(last + 1)
                    guard case .absent = self, !range.isEmpty else {
                        self = .malformed
                        return
                    }
                    self = .at(range)
                }
                start = end + 1
            }
        }
    }
}
