import Accounts
import Encoding

/// Implements `martlet user change`: changes roles, scopes and claims of an existing user.
enum UserChange {
    private static let lists = ["--role", "--scope", "--claim", "--drop-role", "--drop-scope", "--drop-claim"]

    static func run(_ words: [String]) throws(CommandError) {
        let arguments = try Arguments.parse(
            words, options: [UserCommand.file] + lists.map { .list($0) }, operands: ["NAME"])
        guard lists.contains(where: arguments.has) else {
            throw .usage("nothing to change; name one of \(lists.joined(separator: ", "))")
        }
        let (table, name) = (UserCommand.table(arguments), arguments.operands[0])
        let added = try UserCommand.claims(arguments.values("--claim"))
        let size = try TokenSizeCheck()
        var (absent, misfit): (String?, CommandError?)
        let isChanged = try table.edit { users throws(AccountsError) in
            guard let user = users.user(named: name) else { throw .missing(kind: "user", name: name) }
            var changed = user
            absent = try apply(arguments, added, to: &changed)
            guard absent == nil, changed != user else { return users }
            do throws(CommandError) { try size.check(changed, insteadOf: user) } catch { misfit = error }
            guard misfit == nil else { return users }
            return try users.changing(name) { user in user = changed }
        }
        if let absent { throw .refused("\(name) has no \(absent); nothing was changed") }
        if let misfit { throw misfit }
        guard isChanged else {
            Terminal.writeError("\(name) already has these values in \(table.fullPath); nothing was changed\n")
            return
        }
        Terminal.writeError("changed \(name) in \(table.fullPath), effective from the next login or refresh\n")
    }

    /// Applies the arguments to a user.
    ///
    /// - Returns: the first item to be removed that is not present; nil if there is none.
    private static func apply(
        _ arguments: Arguments, _ added: [UInt8], to user: inout User
    ) throws(AccountsError) -> String? {
        for (kind, path) in [("role", \User.roles), ("scope", \User.scopes)] {
            for dropped in arguments.values("--drop-\(kind)") {
                guard let index = user[keyPath: path].firstIndex(of: dropped) else { return "\(kind) \(dropped)" }
                user[keyPath: path].remove(at: index)
            }
            for new in arguments.values("--\(kind)") where !user[keyPath: path].contains(new) {
                user[keyPath: path].append(new)
            }
        }
        var members = self.members(of: user.claims)
        for dropped in arguments.values("--drop-claim") {
            guard let index = members.firstIndex(where: { $0.name == dropped }) else { return "claim \(dropped)" }
            members.remove(at: index)
        }
        for new in self.members(of: added) {
            if let index = members.firstIndex(where: { $0.name == new.name }) {
                members[index] = new
            } else {
                members.append(new)
            }
        }
        user.claims = try Claims.object(members)
        return nil
    }

    private static func members(of object: [UInt8]) -> [(name: String, value: String)] {
        var document = JSONDocument()
        guard (try? document.parse(object.span)) != nil else { return [] }
        return document.members(0).compactMap { member in
            document.string(member.name, in: object.span).map { name in
                (name, String(decoding: document.raw(member.value, in: object.span), as: UTF8.self))
            }
        }
    }
}
