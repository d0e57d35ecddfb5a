internal import CPostgres

/// The rows of one answer, in binary form. Every value is checked for its column and length.
@safe final class PostgresResult {
    /// Owned.
    private let raw: OpaquePointer
    let rowCount: Int
    private let columnCount: Int

    /// Takes over the result.
    init(_ raw: OpaquePointer) {
        unsafe self.raw = unsafe raw
        rowCount = unsafe Int(cpostgres_row_count(raw))
        columnCount = unsafe Int(cpostgres_column_count(raw))
    }

    deinit { unsafe cpostgres_clear(raw) }

    /// A field of the error, such as `C` for the SQLSTATE.
    static func errorField(_ raw: OpaquePointer, _ name: UInt8) -> String {
        unsafe cpostgres_result_field(raw, Int32(name)).map { unsafe String(cString: $0) } ?? ""
    }

    func isNull(_ row: Int, _ column: Int) throws(PostgresError) -> Bool {
        try check(row, column)
        return unsafe cpostgres_is_null(raw, Int32(row), Int32(column)) != 0
    }

    /// The number in a column of exactly its size.
    func number<Number: FixedWidthInteger>(_ row: Int, _ column: Int) throws(PostgresError) -> Number {
        try value(row, column) { bytes throws(PostgresError) in
            guard bytes.count == Number.bitWidth / 8 else { throw .malformed("a number has \(bytes.count) bytes") }
            var number: Number = 0
            for index in bytes.indices { number = number << 8 | Number(truncatingIfNeeded: bytes[index]) }
            return number
        }
    }

    func optionalNumber<Number: FixedWidthInteger>(_ row: Int, _ column: Int) throws(PostgresError) -> Number? {
        try isNull(row, column) ? nil : number(row, column)
    }

    func isTrue(_ row: Int, _ column: Int) throws(PostgresError) -> Bool {
        let byte: UInt8 = try number(row, column)
        return byte != 0
    }

    func bytes(_ row: Int, _ column: Int, countMax: Int) throws(PostgresError) -> [UInt8] {
        try value(row, column) { bytes throws(PostgresError) in
            guard bytes.count <= countMax else { throw .malformed("a value has \(bytes.count) bytes") }
            var copy: [UInt8] = []
            copy.reserveCapacity(bytes.count)
            for index in bytes.indices { copy.append(bytes[index]) }
            return copy
        }
    }

    /// At most 1,000 bytes of UTF-8.
    func text(_ row: Int, _ column: Int) throws(PostgresError) -> String {
        guard let text = String(validating: try bytes(row, column, countMax: 1_000), as: UTF8.self) else {
            throw .malformed("a text is not UTF-8")
        }
        return text
    }

    private func value<Value>(
        _ row: Int, _ column: Int, _ body: (Span<UInt8>) throws(PostgresError) -> Value
    ) throws(PostgresError) -> Value {
        guard try !isNull(row, column) else { throw .malformed("a value is missing") }
        let count = unsafe Int(cpostgres_length(raw, Int32(row), Int32(column)))
        guard count >= 0, let start = unsafe cpostgres_value(raw, Int32(row), Int32(column)) else {
            throw .malformed("a value is missing")
        }
        // The result owns the bytes until it is cleared.
        let span = unsafe Span<UInt8>(_unsafeBytes: UnsafeRawBufferPointer(start: start, count: count))
        return try body(span)
    }

    private func check(_ row: Int, _ column: Int) throws(PostgresError) {
        guard 0..<rowCount ~= row, 0..<columnCount ~= column else {
            throw .malformed("the answer has \(rowCount) rows and \(columnCount) columns")
        }
    }
}
