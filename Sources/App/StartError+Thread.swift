package import Platform

extension Thread {
    /// Runs `body` in a thread of its own that nothing waits for.
    ///
    /// - Parameter name: at most 15 bytes.
    /// - Throws: when the system has no room for another thread.
    package static func start(name: String, _ body: @escaping @Sendable () -> Void) throws(StartError) {
        do throws(ThreadError) {
            try Thread(name: name, body).detach()
        } catch {
            throw StartError(description: error.description, mayPass: true)
        }
    }
}
