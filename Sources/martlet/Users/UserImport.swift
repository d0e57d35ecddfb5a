import Accounts
import App
import Encoding
import OpenSSL
import Platform

/// Implements `martlet user import`: adds many users in one replacement of the file.
enum UserImport {
    static func run(_ words: [String]) throws(CommandError) {
        let arguments = try Arguments.parse(
            words, options: [UserCommand.file, .flag("--dry-run"), .flag("--skip-refused")], operands: ["FILE"])
        let (table, source) = (UserCommand.table(arguments), arguments.operands[0])
        let hasher = PasswordHasher(parameters: try NewPassword.settings(HashingSettings.argon2))
        let rules = try NewPassword.rules()
        try table.checkPlace(isNamed: arguments.isNamed(.users))
        let reading = try table.check { users throws(AccountsError) in users }
        let progress = ProgressLine()
        defer { progress.end() }
        let size = try TokenSizeCheck()
        var (users, refused) = try users(of: source, rules, size, present: reading.table, progress)
        progress.end()
        for (line, refusal) in refused { Terminal.write("line \(line): \(Printable.text(refusal.reason))\n") }
        guard refused.isEmpty || arguments.has("--skip-refused") else {
            throw .refused(
                "\(refused.count) of \(users.count + refused.count) users were refused, so none is added. "
                    + "Correct them, or leave them out with --skip-refused")
        }
        let skipped = refused.isEmpty ? "" : "; \(refused.count) were refused"
        guard !arguments.has("--dry-run") else {
            Terminal.writeError("would add \(users.count) users to \(table.fullPath)\(skipped)\n")
            return
        }
        try ImportHashing.hash(&users, hasher, progress)
        let added = users.map(\.user)
        if !added.isEmpty {
            try table.edit(mustExist: false, after: reading) { users throws(AccountsError) in try users.adding(added) }
        }
        progress.end()
        Terminal.writeError("added \(added.count) users to \(table.fullPath)\(skipped)\n")
    }

    private typealias Refused = [(line: Int, refusal: ImportRefusal)]

    private static func users(
        of source: String, _ rules: PasswordRules, _ size: TokenSizeCheck, present: UserDirectory,
        _ progress: ProgressLine
    ) throws(CommandError) -> (users: [ImportedUser], refused: Refused) {
        let bytes = try bytes(of: source)
        progress.begin("reading", totalByteCount: UInt64(bytes.count))
        let rows: ImportRows
        do throws(ImportRefusal) {
            rows = try ImportRows.read(bytes) { progress.advance(by: $0) }
        } catch {
            throw .usage("\(source):1: \(error.reason)")
        }
        guard !rows.accepted.isEmpty || !rows.refused.isEmpty else { throw .refused("\(source): no users") }
        let ids = UUIDv7Generator(clock: SystemClock.wall, random: { Random.next64() })
        var check = ImportCheck(rules, size, present: present, newID: { ids.next() })
        var users: [ImportedUser] = []
        var refused = rows.refused
        progress.begin("checking", totalCount: rows.accepted.count)
        for (line, row) in rows.accepted {
            do throws(ImportRefusal) { users.append(try check.user(row, line: line)) } catch {
                refused.append((line, error))
            }
            progress.advance(by: 1)
        }
        return (users, refused.sorted { $0.line < $1.line })
    }

    /// - Parameter source: a path, or `-` for standard input.
    private static func bytes(of source: String) throws(CommandError) -> [UInt8] {
        let most = TableLimits().byteCountMax
        guard source != "-" else { return try Terminal.readInput(byteCountMax: most) }
        do throws(FileError) { return try AtomicFile.read(source, byteCountMax: most) } catch {
            throw .accounts(.file(error))
        }
    }
}
