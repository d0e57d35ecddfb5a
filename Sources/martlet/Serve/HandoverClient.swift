import App
import Glibc
import HTTPServer
import Telemetry

/// Where this process comes from, and what comes after it: sockets from a service manager, a predecessor that hands its
/// sockets over, a successor that asks for them.
final class HandoverClient {
    private(set) var inherited: [InheritedSocket]
    private let path: String?
    private let log: Log

    /// - Throws: for sockets of a manager that cannot be used.
    init(_ configuration: Configuration, _ environment: [String: String], log: Log) throws(ServerError) {
        inherited = try InheritedSocket.fromManager(environment, process: getpid())
        path = configuration.handoverPath
        self.log = log
    }

    /// Takes the sockets of a process that serves with the same settings, which then finishes and lets go of the journal.
    ///
    /// - Returns: whether there is one.
    func takeOver() throws(StartError) -> Bool {
        guard let path else { return false }
        do throws(ServerError) {
            guard let sockets = try HandoverServer.takeOver(path: path) else { return false }
            inherited += sockets
            log.write(.info, "taking_over") { $0.add("sockets", sockets.count) }
            return true
        } catch {
            throw StartError(description: error.description, mayPass: error.mayPass)
        }
    }

    /// Lets a successor take over from `server` from now on.
    ///
    /// - Parameter handedOver: called when one has, before this process finishes.
    func offer(
        _ server: Server, handedOver: @escaping @Sendable () -> Void
    ) throws(ServerError) -> HandoverServer? {
        guard let path else { return nil }
        let point = try HandoverServer(path: path)
        let log = log
        try point.serve(server) {
            log.write(.info, "handed_over")
            handedOver()
            server.beginDrain()
        }
        return point
    }
}
