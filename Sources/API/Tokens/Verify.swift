import Encoding
import HTTP
import Revocation
import Service
import Tokens

extension Application {
    /// `GET` and `POST /verify`: whether a token holds, and what it says.
    func verify(_ request: borrowing Request, _ response: inout Response, _ call: Call) throws(Problem) {
        var conditions = Conditions()
        let bearer = BearerToken(request)
        if !request.query.isEmpty { try conditions.read(try Query(request)) }
        // Whatever the method: what a caller asked for in either place counts.
        if !request.body.isEmpty {
            let parameters = try Parameters(request, .json, known: .verify, &json)
            try conditions.read(parameters)
            let inBody = try parameters.octets("token")
            switch (inBody, bearer) {
            case (let token?, .absent):
                return try verify(token.span, conditions.expectations, &response, call)
            case (.some, _):
                throw Problem(.requestMalformed, "Send one token: in the header or in the content.")
            case (nil, _):
                break
            }
        }
        let expectations = conditions.expectations
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
            claims = try context.verify(token, expectations, at: call.now)
        } catch {
            throw Problem(error, scopes: expectations.scopes)
        }
        response.addLines("Content-Type: application/json\r\nCache-Control: no-store\r\n")
        response.body.append("{\"active\":true,\"claims\":")
        context.writePayload(to: &response.body)
        response.body.append(",\"expires_in\":")
        response.body.append(decimal: max(0, claims.expiresAt - call.now / 1_000))
        pages.writeKeyMembers(of: claims, context, to: &response.body)
        response.body.append(decimal: Int64(clamping: context.authState.revocations.sequence))
        response.body.append("}")
    }
}
