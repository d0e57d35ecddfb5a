import Encoding
import HTTP
import Service

/// The one place that sends tokens in content.
enum TokenAnswer {
    /// Writes the answer of RFC 6749 §5.1, with the session and the lifetime of the refresh token.
    static func write(_ pair: TokenPair, to response: inout Response) {
        response.addLines("Content-Type: application/json\r\nCache-Control: no-store\r\n")
        // Tokens and identifiers have no character that JSON would have to escape.
        response.body.append("{\"access_token\":\"")
        response.body.append(contentsOf: pair.accessToken)
        response.body.append("\",\"token_type\":\"Bearer\",\"expires_in\":")
        response.body.append(decimal: pair.expiresIn)
        response.body.append(",\"refresh_token\":\"")
        response.body.append(contentsOf: pair.refreshToken)
        response.body.append("\",\"refresh_expires_in\":")
        response.body.append(decimal: pair.refreshExpiresIn)
        response.body.append(",\"session_id\":\"")
        pair.sid.write(to: &response.body)
        // Nor has the scope: it is in the access token, which was not issued otherwise.
        response.body.append("\",\"scope\":\"")
        response.body.append(contentsOf: pair.scope.utf8)
        response.body.append("\"")
        if let deviceToken = pair.deviceToken {
            response.body.append(",\"device_token\":\"")
            response.body.append(contentsOf: deviceToken)
            response.body.append("\"")
        }
        response.body.append("}")
    }
}

extension TokenAnswer {
    /// Writes a client's own token: RFC 6749 §4.4.3, without a refresh token.
    static func write(_ issued: ClientToken, to response: inout Response) {
        response.addLines("Content-Type: application/json\r\nCache-Control: no-store\r\n")
        // Neither a token nor a scope (RFC 6749 §3.3) has a character that JSON would have to escape.
        response.body.append("{\"access_token\":\"")
        response.body.append(contentsOf: issued.token)
        response.body.append("\",\"token_type\":\"Bearer\",\"expires_in\":")
        response.body.append(decimal: issued.expiresIn)
        response.body.append(",\"scope\":\"")
        response.body.append(contentsOf: issued.scope.utf8)
        response.body.append("\"}")
    }
}

extension Schema {
    static let tokens = named(
        "Tokens",
        object(
            .required("access_token", .string), .required("token_type", .string(constant: "Bearer")),
            .required("expires_in", .integer.described("Seconds.")), .required("refresh_token", .string),
            .required("refresh_expires_in", .integer.described("Seconds.")), .required("session_id", .uuid),
            .required("scope", .string),
            .optional(
                "device_token", .string.described("Only of a login that sent `device`: send it with the next one."))
        ).withExample(
            ("access_token", .text("eyJhbGciOiJSUzI1NiIsImtpZCI6IiIsInR5cCI6ImF0K2p3dCJ9.e30.c2ln")),
            ("token_type", .text("Bearer")), ("expires_in", .plain("600")),
            ("refresh_token", .text("eyJhbGciOiJIUzI1NiIsImtpZCI6IiIsInR5cCI6InJ0K2p3dCJ9.e30.c2ln")),
            ("refresh_expires_in", .plain("1209600")),
            ("session_id", .text("019a0000-0000-7000-8000-000000000000")), ("scope", .text("read write"))))
}
