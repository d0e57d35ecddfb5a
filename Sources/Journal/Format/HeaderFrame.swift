internal import Encoding
import Platform

/// The first 4,096 bytes of a segment or a snapshot, little-endian; all bytes after the last field are zero.
///
/// ```
/// 0 magic[8] · 8 version u32 · 12 CRC-32C u32 (over all 4,096, this field zero) · 16 store[16]
/// 32 segment number u64 · 40 seq u64 · 48 created (ms) u64 · 56 salt u32 · 64 fields of the kind of file, u64 each
/// ```
struct HeaderFrame {
    static let byteCount = 4_096
    private static let version: UInt32 = 1
    private static let checksumOffset = 12
    private static let fieldOffset = 64

    let store: UUID
    let number: UInt64
    let seq: UInt64
    /// Milliseconds since 1970.
    let created: UnixMilliseconds
    let salt: UInt32
    /// The fields that only this kind of file has.
    let fields: InlineArray<4, UInt64>

    init(
        store: UUID, number: UInt64, seq: UInt64, created: UnixMilliseconds, salt: UInt32,
        fields: InlineArray<4, UInt64>
    ) {
        self.store = store
        self.number = number
        self.seq = seq
        self.created = created
        self.salt = salt
        self.fields = fields
    }

    func bytes(magic: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.byteCount)
        bytes.append(littleEndian: magic)
        bytes.append(littleEndian: UInt64(Self.version))
        bytes.append(littleEndian: store.high.byteSwapped)
        bytes.append(littleEndian: store.low.byteSwapped)
        bytes.append(littleEndian: number)
        bytes.append(littleEndian: seq)
        bytes.append(littleEndian: UInt64(bitPattern: created.count))
        bytes.append(littleEndian: UInt64(salt))
        for index in fields.indices { bytes.append(littleEndian: fields[index]) }
        bytes.append(contentsOf: [UInt8](repeating: 0, count: Self.byteCount - bytes.count))
        let checksum = CRC32C.checksum(bytes.span, seed: 0)
        for index in 0..<4 {
            bytes[Self.checksumOffset + index] = UInt8(truncatingIfNeeded: checksum >> UInt32(8 * index))
        }
        return bytes
    }

    /// Decodes a header.
    ///
    /// - Parameters:
    ///   - mark: what the magic number means, for the error.
    ///   - file: the name of the file, in the error.
    /// - Throws: `.corrupt` for a header that is short, foreign or damaged; `.unsupported` for another version.
    init(_ bytes: [UInt8], magic: UInt64, mark: String, file: String) throws(JournalError) {
        guard bytes.count >= Self.byteCount else {
            throw .corrupt(file: file, offset: UInt64(bytes.count), expectation: "4,096 bytes of header")
        }
        var cleared = Array(bytes.prefix(Self.byteCount))
        for index in 0..<4 { cleared[Self.checksumOffset + index] = 0 }
        let words = unsafe bytes.span.bytes
        guard words.littleEndian(at: 0) == magic else {
            throw .corrupt(file: file, offset: 0, expectation: mark)
        }
        let second = words.littleEndian(at: 8)
        guard UInt32(truncatingIfNeeded: second >> 32) == CRC32C.checksum(cleared.span, seed: 0) else {
            throw .corrupt(file: file, offset: 12, expectation: "the header's checksum")
        }
        let version = UInt32(truncatingIfNeeded: second)
        guard version == Self.version else {
            throw .unsupported(file: file, offset: 8, what: "format version \(version)")
        }
        store = UUID(high: words.littleEndian(at: 16).byteSwapped, low: words.littleEndian(at: 24).byteSwapped)
        number = words.littleEndian(at: 32)
        seq = words.littleEndian(at: 40)
        created = UnixMilliseconds(Int64(bitPattern: words.littleEndian(at: 48)))
        salt = UInt32(truncatingIfNeeded: words.littleEndian(at: 56))
        fields = InlineArray { words.littleEndian(at: Self.fieldOffset + 8 * $0) }
    }
}
