internal import Encoding
import Platform

/// An entry in memory, 112 bytes.
struct EntrySlot: Sendable {
    struct State: OptionSet, Sendable {
        let rawValue: UInt8

        static let used = State(rawValue: 1)
        /// Its record is not durable yet.
        static let pending = State(rawValue: 2)
        /// A later login is about to end the session.
        static let displaced = State(rawValue: 4)
        /// Its user ends the session, and this is not durable yet.
        static let ending = State(rawValue: 8)
    }

    let sid: UUID
    let subject: UUID
    private let address: (UInt64, UInt64)
    private let device: InlineArray<40, UInt8>
    /// The absolute end in seconds since 1970, which fit until 2106.
    private let endSeconds: UInt32
    private let idle: UInt32
    /// The number of the client in ``ClientNames``.
    let client: UInt32
    /// The next older and the next newer slot of the subject.
    var next = SlotTable.none
    var previous = SlotTable.none
    private let deviceByteCount: UInt8
    private let addressByteCount: UInt8
    var state: State = .used
    /// The number of records on disk.
    let recordCount: UInt8

    init(_ entry: SessionEntry, client: UInt32, recordCount: Int) {
        sid = entry.sid
        subject = entry.subject
        self.client = client
        var bytes = InlineArray<40, UInt8>(repeating: 0)
        for (index, byte) in (entry.device ?? "").utf8.prefix(bytes.count).enumerated() { bytes[index] = byte }
        device = bytes
        deviceByteCount = UInt8(min(entry.device?.utf8.count ?? 0, bytes.count))
        addressByteCount = UInt8(entry.address?.byteCount ?? 0)
        switch entry.address {
        case nil: address = (0, 0)
        case .ipv4(let number): address = (0, UInt64(number))
        case .ipv6(let high, let low): address = (high, low)
        }
        endSeconds = UInt32(clamping: entry.end.seconds.count)
        idle = entry.idleSeconds
        self.recordCount = UInt8(recordCount)
    }

    var began: UnixMilliseconds { sid.milliseconds }
    var end: UnixMilliseconds { UnixSeconds(Int64(endSeconds)).milliseconds }
    /// Milliseconds.
    var idleMilliseconds: Int64 { Int64(idle) * 1_000 }

    func entry(client: SessionEntry.Client) -> SessionEntry {
        let text = (0..<Int(deviceByteCount)).map { device[$0] }
        let address: SessionEntry.Address? =
            switch addressByteCount {
            case 4: .ipv4(UInt32(truncatingIfNeeded: address.1))
            case 16: .ipv6(high: address.0, low: address.1)
            default: nil
            }
        return SessionEntry(
            sid: sid, subject: subject, client: client,
            device: text.isEmpty ? nil : String(decoding: text, as: UTF8.self), address: address, end: end,
            idleSeconds: idle)
    }
}

/// The clients that entries name, by number. They are few, and none is ever removed.
struct ClientNames: Sendable {
    private var numbers: [SessionEntry.Client: UInt32] = [:]
    private var clients: [SessionEntry.Client] = []

    mutating func number(of client: SessionEntry.Client) -> UInt32 {
        if let number = numbers[client] { return number }
        let number = UInt32(clamping: clients.count)
        numbers[client] = number
        clients.append(client)
        return number
    }

    subscript(number: UInt32) -> SessionEntry.Client { clients[Int(number)] }
}
