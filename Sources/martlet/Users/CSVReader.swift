/// Reads the records of CSV (RFC 4180): fields separated by commas, in double quotes if they contain a comma, a quote
/// or a line end; a quote within is doubled. Lines end with LF or CRLF.
struct CSVReader {
    struct Record {
        /// The number of the first line of the record, from 1.
        let line: Int
        let fields: [[UInt8]]
    }

    /// A record that is not CSV.
    struct Fault: Error {
        let line: Int
        let refusal: ImportRefusal
    }

    private let text: [UInt8]
    private(set) var offset = 0
    private var line = 1

    init(_ text: [UInt8]) {
        self.text = text
    }

    /// Returns the next record that is not an empty line; `nil` at the end. After an error the next call continues in
    /// the next line.
    mutating func next() throws(Fault) -> Record? {
        skipEmptyLines()
        guard offset < text.count else { return nil }
        let (start, first) = (offset, line)
        var fields: [[UInt8]] = []
        while true {
            do throws(ImportRefusal) {
                fields.append(try field(from: start))
            } catch {
                skipLine()
                throw Fault(line: first, refusal: error)
            }
            guard offset < text.count, text[offset] == UInt8(ascii: ",") else { break }
            offset += 1
        }
        skipLine()
        return Record(line: first, fields: fields)
    }

    /// Reads a field up to the comma or the line end after it.
    private mutating func field(from start: Int) throws(ImportRefusal) -> [UInt8] {
        let isQuoted = offset < text.count && text[offset] == Self.quote
        let field = isQuoted ? try quotedField(from: start) : plainField()
        guard offset - start <= ImportRows.rowByteCountMax else { throw Self.tooLong }
        guard isQuoted || !field.contains(Self.quote) else {
            throw ImportRefusal(
                "a double quote within a field; put the field in double quotes and double the one within")
        }
        guard String(validating: field, as: UTF8.self) != nil else { throw ImportRefusal("a field is not UTF-8") }
        return field
    }

    private mutating func plainField() -> [UInt8] {
        let start = offset
        while offset < text.count, text[offset] != UInt8(ascii: ","), !isAtLineEnd { offset += 1 }
        return Array(text[start..<offset])
    }

    private mutating func quotedField(from start: Int) throws(ImportRefusal) -> [UInt8] {
        var field: [UInt8] = []
        offset += 1
        while offset < text.count {
            guard offset - start <= ImportRows.rowByteCountMax else { throw Self.tooLong }
            let letter = text[offset]
            offset += 1
            if letter == Self.lineFeed { line += 1 }
            guard letter == Self.quote else {
                field.append(letter)
                continue
            }
            if offset < text.count, text[offset] == Self.quote {
                field.append(letter)
                offset += 1
                continue
            }
            guard offset == text.count || text[offset] == UInt8(ascii: ",") || isAtLineEnd else {
                throw ImportRefusal("text after the closing double quote of a field")
            }
            return field
        }
        throw ImportRefusal("a double quote is not closed")
    }

    private var isAtLineEnd: Bool {
        text[offset] == Self.lineFeed
            || text[offset] == 0x0D && offset + 1 < text.count && text[offset + 1] == Self.lineFeed
    }

    private mutating func skipLine() {
        while offset < text.count {
            offset += 1
            if text[offset - 1] == Self.lineFeed {
                line += 1
                return
            }
        }
    }

    private mutating func skipEmptyLines() {
        while offset < text.count, isAtLineEnd { skipLine() }
    }

    private static let quote = UInt8(ascii: "\"")
    private static let lineFeed = UInt8(ascii: "\n")
    private static let tooLong = ImportRefusal("a row of more than \(ImportRows.rowByteCountMax) bytes")
}
