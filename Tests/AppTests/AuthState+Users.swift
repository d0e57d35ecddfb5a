import Service

extension AuthState {
    /// The users, which every test reads from a directory.
    var users: FileAccountSource {
        guard let source = accounts as? FileAccountSource else { preconditionFailure("users of another source") }
        return source
    }
}
