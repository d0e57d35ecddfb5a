import Revocation

extension Schema {
    static let status = named(
        "Status",
        .object(
            .required("version", .string), .required("pid", .integer), .required("started", .time),
            .required("now", .time), .required("status", .string(values: ["ready", "not_ready"])),
            .required("reasons", .strings), .required("degraded", .strings), .required("issuer", .string),
            .required("audiences", .strings), .required("journal", journal), .optional("following", following), .optional("store", store),
            .required("keys", .array(of: key)),
            .required("users", .integer), .required("clients", .integer),
            .required(
                "sessions", integer.orNull.described("How many sessions users can list; null if MARTLET_SESSIONS is off.")),
            .required("reloads", reloads),
            .required(
                "paths",
                object(rest: .each(.string)).described("The files and directories in use, as absolute paths."))))

    private static let journal = object(
        .required("seq", .integer.described("Number of the newest durable record.")), .required("writable", .boolean),
        .required("conditions", .strings))

    private static let following = object(
        .required("source", .string), .required("condition", .string(values: FollowedFeed.Condition.allCases.map(\.rawValue))),
        .required("stale", .boolean), .required("age_ms", integer.orNull), .required("position", string.orNull)
    ).described("Only on a server that follows another one.")

    private static let store = object(
        .required("address", .string), .required("node", .string), .required("up", .boolean),
        .required("conditions", .strings.described("Why not everything works, each with what to do.")),
        .required("accepted", .strings.described("Settings of the engine that can lose acknowledged records.")),
        .required("age_ms", integer.orNull), .required("epoch", .integer),
        .required("unsent", .integer.described("Revocations that the engine does not have yet.")),
        .required("clock_offset_ms", integer.orNull)
    ).described("Only on a server with MARTLET_STORE.")

    private static let key = object(
        .required("kid", .string), .required("alg", .string),
        .required("purpose", .string(values: ["access", "refresh"])),
        .required(
            "state", .string(values: ["published", "signing", "verifying", "retired", "compromised"])),
        .required("compromised", .boolean),
        .required("revoked", .boolean.described("Whether all tokens of the key are rejected.")))

    private static let reloads = object(
        rest: .each(
            .object(
                .required("ok", .boolean.described("Whether the last attempt succeeded.")),
                .required("last_attempt", .time), .required("last_success", time.orNull),
                .required("reason", string.orNull)))
    ).described("By source; one that this service does not use is absent.")
}
