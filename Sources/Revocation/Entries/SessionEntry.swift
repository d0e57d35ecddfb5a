package import Encoding
package import Platform

/// What the log keeps of a session so that its user can recognize it in a list.
package struct SessionEntry: Equatable, Sendable {
    package enum Address: Hashable, Sendable {
        /// In network order.
        case ipv4(UInt32)
        /// Both halves in network order.
        case ipv6(high: UInt64, low: UInt64)

        var byteCount: Int {
            switch self {
            case .ipv4: 4
            case .ipv6: 16
            }
        }
    }

    package enum Client: Hashable, Sendable {
        case name(String)
        /// The key of a client whose id is too long for the entry, as revoke-before times have it.
        case key(UUID)

        /// Whether a client with this id is meant.
        package func isNamed(_ id: String) -> Bool {
            switch self {
            case .name(let name): name == id
            case .key(let key): key == RevokeBeforeTable.key(.client, Array(id.utf8).span)
            }
        }
    }

    /// The maximum number of bytes of ``device``.
    package static let deviceByteCountMax = 40
    /// The bytes that the subject's key, address, device and client have together at most.
    static let payloadByteCountMax = 96
    static let keyByteCount = 16

    package let sid: UUID
    /// The key of the subject, as revoke-before times have it. The subject itself is not stored.
    package let subject: UUID
    package let client: Client
    /// What the client called the device.
    package let device: String?
    /// Where the end user signed in from.
    package let address: Address?
    /// The absolute end of the session, a whole second.
    package let end: UnixMilliseconds
    /// How long the session could go unused when it began.
    package let idleSeconds: UInt32

    /// - Parameters:
    ///   - device: at most 40 bytes; a longer text is not stored.
    ///   - idleSeconds: how long the session may go unused.
    package init(
        sid: UUID, subject: Span<UInt8>, clientID: String, device: String?, address: Address?, end: UnixSeconds,
        idleSeconds: Int64
    ) {
        let device = device.flatMap { (1...Self.deviceByteCountMax).contains($0.utf8.count) ? $0 : nil }
        let rest =
            Self.payloadByteCountMax - Self.keyByteCount - (address?.byteCount ?? 0) - (device?.utf8.count ?? 0)
        self.init(
            sid: sid, subject: RevokeBeforeTable.key(.subject, subject),
            client: clientID.utf8.count <= rest
                ? .name(clientID) : .key(RevokeBeforeTable.key(.client, Array(clientID.utf8).span)),
            device: device, address: address, end: end.milliseconds, idleSeconds: UInt32(clamping: idleSeconds))
    }

    init(
        sid: UUID, subject: UUID, client: Client, device: String?, address: Address?, end: UnixMilliseconds,
        idleSeconds: UInt32
    ) {
        self.sid = sid
        self.subject = subject
        self.client = client
        self.device = device
        self.address = address
        self.end = end
        self.idleSeconds = idleSeconds
    }
}

/// A live session, as its user sees it.
package struct ListedSession: Equatable, Sendable {
    package let entry: SessionEntry
    /// When its tokens were last refreshed, or when it began.
    package let lastUsedAt: UnixMilliseconds
    /// When it ends unless it is used again.
    package let expiresAt: UnixMilliseconds
}

/// The record of a session that began.
package struct SessionBeginning: Equatable, Sendable {
    package let position: LedgerPosition
    /// The sessions of the same subject that ended with it.
    package let displaced: [UUID]
}

/// Whether entries of sessions are kept, and for how long.
package enum SessionEntryRule: Equatable, Sendable {
    /// None is in memory, and a compaction removes those on disk.
    case dropped
    /// Kept until the session ends. `idle` is for how many milliseconds a session may go unused under the current
    /// settings; if it is nil, only the absolute end counts.
    case kept(idle: Int64?)
}
