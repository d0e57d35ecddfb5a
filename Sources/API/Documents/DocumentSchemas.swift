import JOSE

extension Schema {
    static let keySet = named(
        "JWKSet", .object(.required("keys", .array(of: .oneOf(.rsaKey, .ecKey, .okpKey)))))

    private static let rsaKey = named(
        "RSAKey",
        .object(
            .required("kty", .string(constant: "RSA")), .required("use", .string(constant: "sig")),
            .required("alg", algorithms(of: "RSA")), .required("kid", .string),
            .required("n", .string.described("Modulus, base64url (RFC 7518 section 6.3.1).")),
            .required("e", .string.described("Exponent, base64url."))))

    private static let ecKey = named(
        "ECKey",
        .object(
            .required("kty", .string(constant: "EC")), .required("use", .string(constant: "sig")),
            .required("alg", algorithms(of: "EC")), .required("kid", .string),
            .required("crv", .string(values: ["P-256", "P-384", "P-521"])),
            .required("x", .string.described("Base64url (RFC 7518 section 6.2.1).")), .required("y", .string)))

    private static let okpKey = named(
        "OKPKey",
        .object(
            .required("kty", .string(constant: "OKP")), .required("use", .string(constant: "sig")),
            .required("alg", algorithms(of: "OKP")), .required("kid", .string),
            .required("crv", .string(constant: "Ed25519")),
            .required("x", .string.described("Base64url (RFC 8037 section 2)."))))

    /// The algorithms of keys with this `kty`.
    private static func algorithms(of keyType: String) -> Schema {
        .string(values: Algorithm.allCases.filter { $0.keyType == keyType }.map(\.rawValue))
    }

    static let metadata = named(
        "Metadata",
        .object(
            .required("issuer", .string), .required("token_endpoint", .string), .required("jwks_uri", .string),
            .required(
                "response_types_supported",
                array(of: .string(constant: "none")).described(
                    "Required by RFC 8414. There is no authorization endpoint, so the only value is `none`.")),
            .required("subject_types_supported", array(of: .string(constant: "public"))),
            .optional(
                "id_token_signing_alg_values_supported",
                array(of: .string(values: Algorithm.allCases.map(\.rawValue))).described(
                    "The algorithms of the published keys. No ID token is issued; verifiers read their allow-list here."
                )),
            .optional("scopes_supported", .strings.described("The scopes of the registered clients.")),
            .required("grant_types_supported", .strings),
            .optional("token_endpoint_auth_methods_supported", .strings),
            .required("revocation_endpoint", .string),
            .optional("revocation_endpoint_auth_methods_supported", .strings),
            .required("introspection_endpoint", .string),
            .optional("introspection_endpoint_auth_methods_supported", .strings),
            .optional("service_documentation", .string)))

    /// The schema of the document that describes all others.
    static let openAPI = object(
        .required("openapi", .string), .required("info", .object()), .required("paths", .object()),
        .required("components", .object()))
}
