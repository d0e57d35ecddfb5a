import Encoding

/// Reads users from JSON Lines: one object in each line; empty lines are ignored.
enum JSONLines {
    static func rows(_ text: [UInt8], progress: (Int) -> Void) -> ImportRows {
        var rows = ImportRows()
        var document = JSONDocument(limits: JSONLimits(depthMax: 10, byteCountMax: ImportRows.rowByteCountMax))
        var number = 0
        var start = 0
        while start < text.count {
            number += 1
            let end = text[start...].firstIndex(of: UInt8(ascii: "\n")) ?? text.count
            let line = Array(text[start..<end])
            if line.contains(where: { !" \t\r".utf8.contains($0) }) {
                rows.add(number) { () throws(ImportRefusal) in try row(line, &document) }
            }
            progress(end - start + 1)
            start = end + 1
        }
        return rows
    }

    private static func row(_ line: [UInt8], _ document: inout JSONDocument) throws(ImportRefusal) -> ImportRow {
        do throws(JSONError) { try document.parse(line.span) } catch { throw ImportRefusal("not JSON: \(error)") }
        guard document.kind(0) == .object else { throw ImportRefusal("expected a JSON object") }
        var row = ImportRow()
        for (name, value) in document.members(0) {
            // A member without a value, as exports have them.
            let isNull = document.kind(value) == .null
            let text = document.string(name, in: line.span) ?? ""
            guard ImportRow.memberNames.contains(text) else {
                throw ImportRefusal(
                    "unknown member \(Printable.short(text, count: 40)); expected "
                        + ImportRow.memberNames.joined(separator: ", "))
            }
            if !isNull { try set(text, value, in: line, document, &row) }
        }
        return row
    }

    private static func set(
        _ name: String, _ value: JSONDocument.Node, in line: [UInt8], _ document: JSONDocument, _ row: inout ImportRow
    ) throws(ImportRefusal) {
        func string(_ node: JSONDocument.Node) throws(ImportRefusal) -> String {
            guard let text = document.string(node, in: line.span) else {
                throw ImportRefusal("\(name): expected a string")
            }
            return text
        }
        func strings() throws(ImportRefusal) -> [String] {
            guard document.kind(value) == .array else { throw ImportRefusal("\(name): expected a list of strings") }
            var texts: [String] = []
            for node in document.children(value) { texts.append(try string(node)) }
            return texts
        }
        switch name {
        case "id": row.id = try string(value)
        case "username": row.username = try string(value)
        case "password": row.password = try string(value)
        case "password_hash": row.passwordHash = try string(value)
        case "roles": row.roles = try strings()
        case "scopes": row.scopes = try strings()
        case "disabled":
            switch document.kind(value) {
            case .true: row.isDisabled = true
            case .false: row.isDisabled = false
            default: throw ImportRefusal("disabled: expected true or false")
            }
        default: row.claims = document.raw(value, in: line.span)
        }
    }
}
