import HTTP

extension Exchange {
    /// Completes the request with the application of its event loop.
    func resumeApplication(_ write: @escaping @Sendable (Application, inout Response) -> Void) {
        resume { (handler: any Handler, response: inout Response) in
            guard let application = handler as? Application else { return }
            write(application, &response)
        }
    }
}
