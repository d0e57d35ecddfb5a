internal import Encoding

/// The parameters of a statement in PostgreSQL's binary form: big-endian numbers, arrays with a header.
struct BinaryValues {
    /// Types of PostgreSQL by their fixed object ids (pg_type.dat).
    enum Kind: UInt32 {
        case bool = 16
        case bytes = 17
        case int8 = 20
        case int2 = 21
        case int4 = 23
        case text = 25
        case uuid = 2950
        case boolArray = 1000
        case bytesArray = 1001
        case int2Array = 1005
        case int4Array = 1007
        case int8Array = 1016
        case uuidArray = 2951
    }

    private(set) var types: [UInt32] = []
    private(set) var lengths: [Int32] = []
    private(set) var bytes: [UInt8] = []
    /// Where each value begins in ``bytes``.
    private(set) var offsets: [Int] = []

    mutating func add(_ value: Int64) { add(.int8) { $0.append(big: UInt64(bitPattern: value)) } }
    mutating func add(_ value: Int32) { add(.int4) { $0.append(big: UInt32(bitPattern: value)) } }
    mutating func add(_ value: String) { add(.text) { $0 += Array(value.utf8) } }

    mutating func add(_ values: [Int64?]) {
        array(.int8Array, of: .int8, values) { $0.append(big: UInt64(bitPattern: $1)) }
    }
    mutating func add(_ values: [Int32]) {
        array(.int4Array, of: .int4, values) { $0.append(big: UInt32(bitPattern: $1)) }
    }
    mutating func add(_ values: [Int16]) {
        array(.int2Array, of: .int2, values) { $0.append(big: UInt16(bitPattern: $1)) }
    }
    mutating func add(_ values: [Bool]) { array(.boolArray, of: .bool, values) { $0.append($1 ? 1 : 0) } }
    mutating func add(_ values: [UUID]) {
        array(.uuidArray, of: .uuid, values) { output, id in
            output.append(big: id.high)
            output.append(big: id.low)
        }
    }
    mutating func add(_ values: [[UInt8]?]) { array(.bytesArray, of: .bytes, values) { $0 += $1 } }

    private mutating func add(_ kind: Kind, _ write: (inout [UInt8]) -> Void) {
        types.append(kind.rawValue)
        offsets.append(bytes.count)
        let start = bytes.count
        write(&bytes)
        lengths.append(Int32(clamping: bytes.count - start))
    }

    /// Appends an array of one dimension.
    private mutating func array<Value>(
        _ kind: Kind, of element: Kind, _ values: [Value?], _ write: (inout [UInt8], Value) -> Void
    ) {
        add(kind) { output in
            output.append(big: UInt32(values.isEmpty ? 0 : 1))
            output.append(big: UInt32(values.contains { $0 == nil } ? 1 : 0))
            output.append(big: element.rawValue)
            guard !values.isEmpty else { return }
            output.append(big: UInt32(clamping: values.count))
            output.append(big: UInt32(1))
            for value in values {
                guard let value else {
                    output.append(big: UInt32.max)
                    continue
                }
                let start = output.count
                output.append(big: UInt32(0))
                write(&output, value)
                output.store(big: UInt32(clamping: output.count - start - 4), at: start)
            }
        }
    }
}

extension [UInt8] {
    mutating func append<Number: FixedWidthInteger>(big value: Number) {
        unsafe Swift.withUnsafeBytes(of: value.bigEndian) { unsafe append(contentsOf: $0) }
    }

    /// Replaces four bytes that exist.
    fileprivate mutating func store(big value: UInt32, at offset: Int) {
        for index in 0..<4 { self[offset + index] = UInt8(truncatingIfNeeded: value >> UInt32(24 - 8 * index)) }
    }
}
