package import Accounts
package import Encoding

/// What requests ask about users without waiting. An index is in memory and never changes: its source publishes a new one
/// when users change.
///
/// An index of many users may know the names of only some of them.
package protocol AccountIndex: AnyObject, Sendable {
    /// `nil` if there is no such user.
    func standing(of id: UUID) -> User.Standing?
    func name(of id: UUID) -> String?
    func id(named name: String) -> UUID?
    /// How many users there are.
    var count: Int { get }
}

extension UserDirectory: AccountIndex {
    package func name(of id: UUID) -> String? { user(id: id)?.name }
    package func id(named name: String) -> UUID? { user(named: name)?.id }
    package var count: Int { users.count }
}

/// The index that a source publishes.
///
/// Every verification asks it, so the users of a file are asked directly and not through the protocol.
package enum PublishedIndex: Sendable {
    case directory(UserDirectory)
    case other(any AccountIndex)

    package func standing(of id: UUID) -> User.Standing? {
        switch self {
        case .directory(let users): users.standing(of: id)
        case .other(let index): index.standing(of: id)
        }
    }

    package func name(of id: UUID) -> String? { index.name(of: id) }
    package func id(named name: String) -> UUID? { index.id(named: name) }
    package var count: Int { index.count }

    private var index: any AccountIndex {
        switch self {
        case .directory(let users): users
        case .other(let index): index
        }
    }
}
