import HTTP
import Octets
import Revocation
import Service
import Token

extension Application {
    /// `GET` and `POST /verify`: whether a token holds, and what it says.
    func verify(_ request: borrowing Request, _ response: inout Response, _ call: Call) throws(Problem) {
        var expectations = VerifyExpectations()
        let bearer = BearerToken(request)
        if request.method == .post, !request.body.isEmpty {
            let parameters = try Parameters(request, .json, &json)
            try expectations.read(parameters)
            let inBody = try parameters.octets("token")
            switch (inBody, bearer) {
            case (let token?, .absent):
                return try verify(token.span, expectations, &response, call)
            case (.some, _):
                throw Problem(.requestMalformed, "Send one token: in the header or in the content.")
            case (nil, _):
                break
            }
        } else if !request.query.isEmpty {
            try expectations.read(try Query(request))
        }
        switch bearer {
        case .absent: throw Problem(.tokenMissing)
        case .malformed: throw Problem(.requestMalformed, "The Authorization field must be one bearer token.")
        case .at(let range): try verify(request.octets(range), expectations, &response, call)
        }
    }

    private func verify(
        _ token: Span<UInt8>, _ expectations: VerifyExpectations, _ response: inout Response, _ call: Call
    ) throws(Problem) {
        let claims: VerifiedClaims
        do throws(VerifyFailure) {
            claims = try desk.verify(token, expectations, at: call.now)
        } catch {
            throw Problem(error, scopes: expectations.scopes)
        }
        response.addLines("Content-Type: application/json\r\nCache-Control: no-store\r\n")
        response.body.append("{\"active\":true,\"claims\":")
        desk.writePayload(to: &response.body)
        response.body.append(",\"expires_in\":")
        response.body.append(decimal: max(0, claims.expiresAt - call.now / 1_000))
        pages.writeKeyMembers(of: claims, desk, to: &response.body)
        response.body.append(decimal: Int64(clamping: desk.realm.revocations.sequence))
        response.body.append("}")
    }
}

extension VerifyExpectations {
    fileprivate mutating func read(_ parameters: Parameters) throws(Problem) {
        audience = try parameters.octets("audience").map { .anyOf([$0]) }
        scopes = try Self.words(try parameters.text("scope"))
        ageMax = try parameters.natural("max_age")
    }

    fileprivate mutating func read(_ query: Query) throws(Problem) {
        audience = try query.text("audience").map { .anyOf([Array($0.utf8)]) }
        scopes = try Self.words(try query.text("scope"))
        guard let age = try query.text("max_age") else { return }
        guard let seconds = Int64(age), seconds >= 0 else {
            throw Problem(.requestMalformed, "max_age must be a whole number.")
        }
        ageMax = seconds
    }

    static func words(_ text: String?) throws(Problem) -> [[UInt8]] {
        guard let text else { return [] }
        guard let scope = Scope(text) else {
            throw Problem(.requestMalformed, "scope must be scope tokens, one space apart.")
        }
        return scope.names.map { Array($0.utf8) }
    }
}
