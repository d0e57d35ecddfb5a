import Glibc
package import Store

extension Setting {
    package static let store = Setting(
        "MARTLET_STORE", .text, default: "file",
        "where revocations and sessions become durable: file for the journal of this server, or for several servers the "
            + "address of an engine: redis://, rediss://, redis+sentinel://, rediss+sentinel:// or postgres://, without a password"
    )
    package static let storePassword = Setting(
        "MARTLET_STORE_PASSWORD_FILE", .text, "file with the password for the engine; empty for none")
    package static let storeCA = Setting(
        "MARTLET_STORE_CA", .text,
        "file of the certificates that the engine's certificate must descend from, in PEM; empty for those of the system"
    )
    package static let storePrefix = Setting(
        "MARTLET_STORE_PREFIX", .text, default: "martlet",
        "hash tag of the keys in Redis, schema in PostgreSQL")
    package static let storeTimeout = Setting(
        "MARTLET_STORE_TIMEOUT", .time(1...30), default: "1s",
        "how long a request waits for the engine before it gets 503")
    package static let storeReplicas = Setting(
        "MARTLET_STORE_REPLICAS", .number(0...16), default: "0",
        "replicas or synchronous standbys that must have a record before it is acknowledged", note: "0 for none")
    package static let storeDurability = Setting(
        "MARTLET_STORE_DURABILITY", .choice(StoreDurability.allCases.map(\.rawValue)), default: "strict",
        "what is done if the engine's settings can lose acknowledged records")
    package static let node = Setting(
        "MARTLET_NODE", .text, "name of this server among those with the same engine; empty for the host name")
}

/// The engine that several servers share instead of a journal each.
package struct StoreSettings: Sendable {
    package static let settings: [Setting] = [
        .store, .storePassword, .storeCA, .storePrefix, .storeTimeout, .storeReplicas, .storeDurability, .node,
    ]

    /// Nil for a server with its own journal. The password is not read yet.
    package let connection: StoreConnection?
    /// Nil for none.
    package let passwordPath: String?
    package let node: String

    /// Whether an engine is set, for sections that need one.
    package var isEngine: Bool { connection != nil }

    package init(_ reader: inout SettingsReader) {
        passwordPath = Self.path(&reader, .storePassword)
        let caPath = Self.path(&reader, .storeCA)
        let prefix = reader.text(.storePrefix)
        if !Self.isName(prefix) {
            reader.complain(
                .storePrefix, "a name of at most 40 lower-case letters, digits and _ that begins with a letter")
        }
        let timeout = reader.seconds(.storeTimeout)
        let replicas = reader.number(.storeReplicas)
        let durability = reader.choice(
            .storeDurability, StoreDurability.init(rawValue:), otherwise: .strict)
        node = Self.node(&reader)
        let address = Self.address(&reader)
        connection = address.map {
            StoreConnection(
                address: $0, password: nil, caPath: caPath, prefix: prefix, timeout: Int(timeout) * 1_000,
                replicas: replicas, durability: durability)
        }
        Self.checkTogether(&reader, address)
    }

    private static func address(_ reader: inout SettingsReader) -> StoreAddress? {
        let text = reader.text(.store)
        guard text != Setting.store.defaultText else { return nil }
        do throws(StoreAddressError) {
            return try StoreAddress(text)
        } catch {
            switch error {
            case .password:
                reader.add(
                    .store,
                    "the address contains a password, or the name of a file with one, and addresses appear in logs and process "
                        + "lists. Write the password alone into a file, and name it in \(Setting.storePassword.name)")
            case .parameter(let name):
                reader.add(.store, "Martlet sets \(name) itself: remove it from the address")
            case .form:
                // The value is not repeated, because what was meant as a password may be anywhere in it.
                reader.add(
                    .store,
                    "the value is neither file nor an address of the form redis://[USER@]HOST[:PORT][/DATABASE], "
                        + "rediss://…, redis+sentinel://[USER@]HOST[:PORT][,HOST…]/NAME, rediss+sentinel://… or "
                        + "postgres://[USER@]HOST[:PORT][,HOST…]/DATABASE"
                )
            }
            return nil
        }
    }

    /// What contradicts other settings, or does nothing.
    private static func checkTogether(_ reader: inout SettingsReader, _ address: StoreAddress?) {
        if reader.text(.store) == Setting.store.defaultText {
            for setting in settings
            where setting != .store && setting != .node && reader.text(setting) != setting.defaultText {
                reader.add(
                    setting,
                    "it is for an engine, and \(Setting.store.name) names none. Set \(Setting.store.name), or remove it"
                )
            }
            return
        }
        if !reader.list(.follow).isEmpty {
            reader.add(
                .store,
                "a server with \(Setting.follow.name) records nothing, so it has no engine. Remove one of the two")
        }
        if !reader.text(.seen).isEmpty {
            reader.add(.seen, "it is for a journal, and with \(Setting.store.name) there is none. Remove it")
        }
        guard let address else { return }
        if case .redis(let place) = address.engine, !place.isSecure, !reader.text(.storeCA).isEmpty {
            reader.add(
                .storeCA,
                "the connection is not encrypted with \(address.scheme)://. Use "
                    + "\(place.primaryName == nil ? "rediss" : "rediss+sentinel")://, or remove it")
        }
    }

    private static func path(_ reader: inout SettingsReader, _ setting: Setting) -> String? {
        let text = reader.text(setting)
        if text.utf8.contains(0) { reader.complain(setting, "a path") }
        return text.isEmpty ? nil : text
    }

    /// Names of schemas without quotes, and of keys without the characters of a hash tag.
    private static func isName(_ text: String) -> Bool {
        guard (1...40).contains(text.utf8.count), let first = text.utf8.first, 0x61...0x7a ~= first else {
            return false
        }
        return text.utf8.allSatisfy { 0x30...0x39 ~= $0 || 0x61...0x7a ~= $0 || $0 == 0x5f }
    }

    private static func node(_ reader: inout SettingsReader) -> String {
        let text = reader.text(.node)
        let isGiven = !text.isEmpty
        let name = isGiven ? text : hostName
        let isNode =
            (1...64).contains(name.utf8.count)
            && name.utf8.allSatisfy {
                0x30...0x39 ~= $0 || 0x41...0x5a ~= $0 || 0x61...0x7a ~= $0 || [0x2d, 0x2e, 0x5f].contains($0)
            }
        if isNode { return name }
        if isGiven {
            reader.complain(.node, "a name of at most 64 letters, digits, -, . and _")
        } else if reader.text(.store) != Setting.store.defaultText {
            reader.add(.node, "the host name cannot be used as a name of this server. Set \(Setting.node.name)")
        }
        return "node"
    }

    private static var hostName: String {
        var names = utsname()
        guard unsafe uname(&names) == 0 else { return "" }
        return unsafe withUnsafeBytes(of: &names.nodename) { bytes in
            unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }
}

extension StoreAddress {
    fileprivate var scheme: Substring { text.prefix { $0 != ":" } }
}
