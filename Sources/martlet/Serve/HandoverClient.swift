import App
import Glibc
import HTTPServer
import Telemetry

/// Handles socket handover: sockets from a service manager, from a predecessor, and to a successor.
final class HandoverClient {
    private(set) var inherited: [InheritedSocket]
    private let path: String?
    private let log: Log

    /// Collects the sockets of a service manager.
    ///
    /// - Throws: for unusable sockets of a service manager.
    init(_ configuration: Configuration, _ environment: [String: String], log: Log) throws(ServerError) {
        inherited = try InheritedSocket.fromManager(environment, process: getpid())
        path = configuration.listen.handoverPath
        self.log = log
    }

    /// Takes over the sockets of a running process with the same settings. That process then stops and releases the
    /// journal.
    ///
    /// - Returns: whether there is such a process.
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

    /// Lets a successor take over the sockets of `server` from now on.
    ///
    /// - Parameter handedOver: called after a successor has taken over, before this process stops.
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
