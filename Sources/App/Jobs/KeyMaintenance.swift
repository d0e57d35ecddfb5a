import API
import Accounts
import Platform

/// What the maintenance thread does with the keys, wherever they come from.
protocol KeyMaintenance: AnyObject, Sendable {
    /// The applied keys, including expired and compromised ones.
    var applied: [AppliedKey] { get }

    func stamp() -> [FileStamp]
    /// Whether files changed, or a key expired, since ``apply(stamp:)``.
    func isBehind(_ stamp: [FileStamp]) -> Bool
    func apply(stamp: [FileStamp]) throws(StartError)
    /// - Throws: if a client requires an algorithm that no key signs.
    func check(_ clients: ClientDirectory) throws(StartError)
    func cutCompromised()
    func rotateIfDue()
    func sayChanges()
}
