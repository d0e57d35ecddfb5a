import Pages

/// A form whose page shows why it was rejected.
struct RejectedForm: Error {
    let problem: Problem
    let refusal: PageRefusal

    init(_ problem: Problem, _ refusal: PageRefusal) {
        self.problem = problem
        self.refusal = refusal
    }

    /// A field that cannot be accepted as it is.
    init(_ field: PageField, _ text: PageText) {
        var problem = Problem(.requestMalformed, reason: "the field \(field.rawValue) was not accepted")
        problem.statusOverride = 422
        self.problem = problem
        refusal = PageRefusal(field, text)
    }
}
