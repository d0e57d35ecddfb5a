import Service

extension Parameters {
    /// The scope that a login or a refresh asks for; nil if it does not name one.
    func scope() throws(Problem) -> Scope? {
        guard let text = try text("scope") else { return nil }
        guard let scope = Scope(text) else {
            throw Problem(.scopeInvalid, "scope must be a list of names separated by single spaces.")
        }
        return scope
    }
}
