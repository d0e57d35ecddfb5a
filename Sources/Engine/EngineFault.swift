/// Why a server could not be set up.
package enum EngineFault: Error, Equatable, Sendable {
    case addressInvalid(String)
    /// Another process serves this Unix socket.
    case socketInUse(path: String)
    /// An address asks for a socket that the process was not given.
    case notInherited(name: String)
    /// The process was given a socket that no address asks for, or one that nobody can listen on.
    case inheritedUnused(name: String, address: String)
    case inheritedUnusable(name: String)
    /// The system has no room for another thread.
    case noThread(name: String)
    /// - Parameters:
    ///   - call: the system call that failed.
    ///   - subject: what it was about: an address, or the event queue.
    ///   - reason: the text of its errno.
    case system(call: String, subject: String, reason: String)
}

extension EngineFault: CustomStringConvertible {
    package var description: String {
        switch self {
        case .addressInvalid(let text): "\(text) is not an address to listen on"
        case .socketInUse(let path): "unix:\(path) is served by another process"
        case .notInherited(let name): "fd:\(name) is not among the sockets that this process was given"
        case .inheritedUnused(let name, let address):
            "the socket «\(name)» at \(address) was given to this process, and no address asks for it"
        case .inheritedUnusable(let name): "the socket «\(name)» that was given to this process does not listen"
        case .noThread(let name): "no thread can be started for \(name)"
        case .system(let call, let subject, let reason): "cannot listen on \(subject): \(call): \(reason)"
        }
    }
}
