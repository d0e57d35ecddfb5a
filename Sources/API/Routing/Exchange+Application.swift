import HTTP
import Service

extension Exchange {
    /// Completes the request with the application of its event loop.
    func resumeApplication(_ write: @escaping @Sendable (Application, inout Response) -> Void) {
        resume { (handler: any Handler, response: inout Response) in
            guard let application = handler as? Application else { return }
            write(application, &response)
        }
    }

    /// Runs `body` on the thread of the event loop, with its context; the request stays deferred.
    func performInContext(_ body: @escaping @Sendable (LoopContext) -> Void) {
        performInApplication { body($0.context) }
    }

    /// Runs `body` on the thread of the event loop, after the connections that have input now.
    func performInApplication(_ body: @escaping @Sendable (Application) -> Void) {
        perform { (handler: any Handler) in
            guard let application = handler as? Application else { return }
            body(application)
        }
    }
}
