/// Reads users from CSV whose first line names the columns; an empty field counts as missing.
enum CSVRows {
    /// - Throws: if the first line does not name columns of an import.
    static func rows(_ text: [UInt8], progress: (Int) -> Void) throws(ImportRefusal) -> ImportRows {
        var rows = ImportRows()
        var reader = CSVReader(text)
        let columns = try columns(&reader)
        var done = 0
        while true {
            do throws(CSVReader.Fault) {
                guard let record = try reader.next() else { return rows }
                rows.add(record.line) { () throws(ImportRefusal) in try row(record, columns) }
            } catch {
                rows.add(error.line) { () throws(ImportRefusal) in throw error.refusal }
            }
            progress(reader.offset - done)
            done = reader.offset
        }
    }

    private static func columns(_ reader: inout CSVReader) throws(ImportRefusal) -> [String] {
        let expected =
            "expected a line that names the columns, some of \(ImportRow.memberNames.joined(separator: ",")), or JSON "
            + "Lines, in which the first character is {"
        let header: CSVReader.Record?
        do throws(CSVReader.Fault) { header = try reader.next() } catch { throw error.refusal }
        guard let header else { throw ImportRefusal("the file contains no users") }
        let columns = header.fields.map { String(decoding: $0, as: UTF8.self) }
        guard columns.allSatisfy(ImportRow.memberNames.contains), Set(columns).count == columns.count,
            columns.contains("username")
        else { throw ImportRefusal(expected) }
        return columns
    }

    private static func row(_ record: CSVReader.Record, _ columns: [String]) throws(ImportRefusal) -> ImportRow {
        guard record.fields.count == columns.count else {
            throw ImportRefusal(
                "expected \(columns.count) fields, as in the first line, not \(record.fields.count); put a field that "
                    + "contains a comma, such as an Argon2 hash, in double quotes")
        }
        var row = ImportRow()
        for (name, bytes) in zip(columns, record.fields) where !bytes.isEmpty {
            let text = String(decoding: bytes, as: UTF8.self)
            switch name {
            case "id": row.id = text
            case "username": row.username = text
            case "password": row.password = text
            case "password_hash": row.passwordHash = text
            case "roles": row.roles = words(text)
            case "scopes": row.scopes = words(text)
            case "disabled":
                guard let value = Bool(text) else { throw ImportRefusal("disabled: expected true or false") }
                row.isDisabled = value
            default: row.claims = bytes
            }
        }
        return row
    }

    private static func words(_ text: String) -> [String] { text.split(separator: " ").map(String.init) }
}
