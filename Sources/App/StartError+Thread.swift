package import Platform

extension Thread {
    /// Runs `body` on a detached thread.
    ///
    /// - Parameter name: at most 15 bytes.
    /// - Throws: if the system cannot create another thread.
    package static func start(name: String, _ body: @escaping @Sendable () -> Void) throws(StartError) {
        do throws(ThreadError) {
            try Thread(name: name, body).detach()
        } catch {
            throw StartError(description: error.description, mayPass: true)
        }
    }
}
