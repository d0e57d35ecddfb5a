internal import Encoding

/// Reads one row of COPY in PostgreSQL's binary form, each value with its length checked.
///
/// `@safe` holds because it is made only for the duration of a call that keeps the bytes.
@safe struct BinaryReader {
    private let bytes: UnsafeRawBufferPointer
    private var offset = 0

    init(_ bytes: UnsafeRawBufferPointer) { unsafe self.bytes = bytes }

    var isAtEnd: Bool { unsafe offset == bytes.count }

    /// The next field with its length before it.
    mutating func field(countMax: Int) throws(PostgresError) -> [UInt8] {
        let length: Int32 = try number()
        guard 0...countMax ~= Int(length), unsafe Int(length) <= bytes.count - offset else {
            throw .malformed("a field has \(length) bytes")
        }
        defer { offset += Int(length) }
        return unsafe Array(bytes[offset..<(offset + Int(length))])
    }

    /// The next bytes as a big-endian number.
    mutating func number<Number: FixedWidthInteger>() throws(PostgresError) -> Number {
        let size = Number.bitWidth / 8
        guard unsafe bytes.count - offset >= size else { throw .malformed("a row ends early") }
        defer { offset += size }
        // The bounds were checked, and any bytes form a number.
        return unsafe Number(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Number.self))
    }

    /// The next field as a number of exactly its size.
    mutating func fieldNumber<Number: FixedWidthInteger>() throws(PostgresError) -> Number {
        let length: Int32 = try number()
        guard Int(length) == Number.bitWidth / 8 else { throw .malformed("a number has \(length) bytes") }
        return try number()
    }

    mutating func fieldUUID() throws(PostgresError) -> UUID {
        let length: Int32 = try number()
        guard length == 16 else { throw .malformed("a UUID has \(length) bytes") }
        return UUID(high: try number(), low: try number())
    }

    mutating func skip(_ count: Int) throws(PostgresError) {
        guard unsafe 0...(bytes.count - offset) ~= count else { throw .malformed("a row ends early") }
        offset += count
    }
}
