import Glibc
import Platform

/// Why a server could not be set up.
package enum ServerError: Error, Equatable, Sendable {
    case addressInvalid(String)
    /// Another process serves this Unix socket.
    case socketInUse(path: String)
    /// An address requires an inherited socket that the process does not have.
    case notInherited(name: String)
    /// The process inherited a socket that no address matches or that cannot be used for listening.
    case inheritedUnused(name: String, address: String)
    case inheritedUnusable(name: String)
    /// The system cannot create another thread.
    case noThread(name: String)
    /// - Parameters:
    ///   - call: the system call that failed.
    ///   - subject: what it was about: an address, or the event queue.
    ///   - reason: the text of its errno.
    ///   - code: its errno; 0 where it is something else.
    case system(call: String, subject: String, reason: String, code: Int32 = 0)
}

extension ServerError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .addressInvalid(let text): "\(text) is not an address to listen on"
        case .socketInUse(let path): "unix:\(path) is served by another process"
        case .notInherited(let name): "fd:\(name) is not one of the sockets that this process inherited"
        case .inheritedUnused(let name, let address):
            "the socket «\(name)» at \(address) was passed to this process, but no configured address uses it"
        case .inheritedUnusable(let name): "the socket «\(name)» that was passed to this process is not listening"
        case .noThread(let name): "could not start a thread for \(name)"
        case .system(let call, let subject, let reason, _): "cannot listen on \(subject): \(call): \(reason)"
        }
    }
}

extension ServerError {
    /// Whether the same start may succeed later although no setting has changed.
    package var mayPass: Bool {
        switch self {
        case .socketInUse, .noThread: true
        case .system(_, let subject, _, let code):
            TransientCondition.mayPass(
                code, path: subject.hasPrefix("unix:") ? String(subject.dropFirst("unix:".count)) : nil)
        case .addressInvalid, .notInherited, .inheritedUnused, .inheritedUnusable: false
        }
    }
    /// Whether the start could succeed if a predecessor handed over its sockets.
    var isTaken: Bool {
        switch self {
        case .socketInUse, .notInherited: true
        case .system(_, _, _, let code): code == EADDRINUSE
        case .addressInvalid, .inheritedUnused, .inheritedUnusable, .noThread: false
        }
    }
}
