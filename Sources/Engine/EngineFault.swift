/// Why a server could not be set up.
package enum EngineFault: Error, Equatable, Sendable {
    case addressInvalid(String)
    /// Another process serves this Unix socket.
    case socketInUse(path: String)
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
        case .system(let call, let subject, let reason): "cannot listen on \(subject): \(call): \(reason)"
        }
    }
}
