import Encoding

/// The response of `GET /admin/status`; members that a later version adds are ignored.
struct ServiceStatus {
    struct AppliedKey: Equatable {
        let kid: String
        let algorithm: String
        let purpose: String
        let state: String
        let isCompromised: Bool
        /// Whether all tokens of the key are permanently revoked.
        let isRevoked: Bool
    }

    /// The result of a reload. Times are RFC 3339 in UTC with milliseconds, so they sort as text.
    struct Reload: Equatable {
        let source: String
        let isCurrent: Bool
        let lastAttempt: String
        let lastSuccess: String?
        let reason: String?
    }

    /// What a server knows about the one that it follows.
    struct Followed: Equatable {
        let source: String
        let condition: String
        let age: Int64?
        let position: String?
    }

    /// What a server knows about its store.
    struct Store: Equatable {
        let address: String
        let node: String
        let isUp: Bool
        /// Each with what to do.
        let conditions: [String]
        let age: Int64?
    }

    let version: String
    let pid: Int64
    let started: String
    let isReady: Bool
    let reasons: [String]
    let issuer: String
    let audiences: [String]
    let sequence: Int64
    let isJournalWritable: Bool
    let journalConditions: [String]
    /// Nil on a server with its own journal.
    let followed: Followed?
    let store: Store?
    let keys: [AppliedKey]
    let userCount: Int64
    let clientCount: Int64
    /// The sessions that users can list; nil if there is no list.
    let sessionCount: Int64?
    let reloads: [Reload]
    /// Absolute paths of `state`, `keys`, `users` and `clients`.
    let paths: [String: String]

    func reload(of source: String) -> Reload? { reloads.first { $0.source == source } }

    init?(_ bytes: [UInt8]) {
        // A directory can contain hundreds of keys, including expired ones.
        var document = JSONDocument(limits: JSONLimits(memberMax: 65_536, byteCountMax: 1 << 20))
        guard (try? document.parse(bytes.span)) != nil, document.kind(0) == .object else { return nil }
        let reader = ObjectReader(document: document, bytes: bytes)
        guard let version = reader.text("version"), let pid = reader.integer("pid"),
            let started = reader.text("started"), let readiness = reader.text("status"),
            let issuer = reader.text("issuer"), let journal = reader.node("journal"),
            let sequence = reader.integer("seq", of: journal), let users = reader.integer("users"),
            let clients = reader.integer("clients"), let reloads = reader.node("reloads"),
            let paths = reader.node("paths")
        else { return nil }
        self.version = version
        self.pid = pid
        self.started = started
        isReady = readiness == "ready"
        reasons = reader.texts("reasons")
        self.issuer = issuer
        audiences = reader.texts("audiences")
        self.sequence = sequence
        isJournalWritable = reader.isTrue("writable", of: journal)
        journalConditions = reader.texts("conditions", of: journal)
        store = reader.node("store").map { node in
            Store(
                address: reader.text("address", of: node) ?? "", node: reader.text("node", of: node) ?? "",
                isUp: reader.isTrue("up", of: node), conditions: reader.texts("conditions", of: node),
                age: reader.integer("age_ms", of: node))
        }
        followed = reader.node("following").map { node in
            Followed(
                source: reader.text("source", of: node) ?? "", condition: reader.text("condition", of: node) ?? "",
                age: reader.integer("age_ms", of: node), position: reader.text("position", of: node))
        }
        userCount = users
        clientCount = clients
        sessionCount = reader.integer("sessions")
        keys = reader.elements("keys").map { reader.key($0) }
        self.reloads = reader.members(of: reloads).map { reader.reload($0.name, $0.value) }
        self.paths = Dictionary(
            reader.members(of: paths).compactMap { member in reader.text(at: member.value).map { (member.name, $0) } },
            uniquingKeysWith: { first, _ in first })
    }
}

/// The members of a parsed object by name.
private struct ObjectReader {
    let document: JSONDocument
    let bytes: [UInt8]

    func node(_ name: StaticString, of object: JSONDocument.Node = 0) -> JSONDocument.Node? {
        document.member(name, of: object, in: bytes.span)
    }

    func text(at node: JSONDocument.Node) -> String? {
        document.kind(node) == .string ? document.string(node, in: bytes.span) : nil
    }

    func text(_ name: StaticString, of object: JSONDocument.Node = 0) -> String? {
        node(name, of: object).flatMap { text(at: $0) }
    }

    func integer(_ name: StaticString, of object: JSONDocument.Node = 0) -> Int64? {
        node(name, of: object).flatMap { node in
            document.kind(node) == .number ? document.integer(node, in: bytes.span) : nil
        }
    }

    func isTrue(_ name: StaticString, of object: JSONDocument.Node) -> Bool {
        node(name, of: object).map { document.kind($0) == .true } ?? false
    }

    func elements(_ name: StaticString, of object: JSONDocument.Node = 0) -> [JSONDocument.Node] {
        node(name, of: object).map { document.children($0) } ?? []
    }

    func texts(_ name: StaticString, of object: JSONDocument.Node = 0) -> [String] {
        elements(name, of: object).compactMap { text(at: $0) }
    }

    func members(of object: JSONDocument.Node) -> [(name: String, value: JSONDocument.Node)] {
        document.members(object).compactMap { member in
            document.string(member.name, in: bytes.span).map { ($0, member.value) }
        }
    }

    func key(_ node: JSONDocument.Node) -> ServiceStatus.AppliedKey {
        ServiceStatus.AppliedKey(
            kid: text("kid", of: node) ?? "", algorithm: text("alg", of: node) ?? "",
            purpose: text("purpose", of: node) ?? "", state: text("state", of: node) ?? "",
            isCompromised: isTrue("compromised", of: node), isRevoked: isTrue("revoked", of: node))
    }

    func reload(_ source: String, _ node: JSONDocument.Node) -> ServiceStatus.Reload {
        ServiceStatus.Reload(
            source: source, isCurrent: isTrue("ok", of: node), lastAttempt: text("last_attempt", of: node) ?? "",
            lastSuccess: text("last_success", of: node), reason: text("reason", of: node))
    }
}

extension JSONDocument {
    /// Returns a string member of the outermost object.
    func text(_ name: StaticString, in bytes: Span<UInt8>) -> String? {
        guard let node = member(name, of: 0, in: bytes), kind(node) == .string else { return nil }
        return string(node, in: bytes)
    }
}
