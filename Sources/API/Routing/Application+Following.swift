import HTTP
import Revocation
import Service

extension Application {
    /// Whether what is known about revocations is as new as the caller asks. A server with its own journal knows
    /// everything.
    func checkFreshness(_ conditions: Conditions) throws(Problem) {
        guard let knowledge = shared.authState.knowledge else { return }
        let isOld = conditions.revocationAgeMax.map { knowledge.isOlder(thanSeconds: $0) } ?? false
        guard isOld || knowledge.rejectsAll else { return }
        throw Problem(.stale, retryAfter: 1)
    }

    /// Adds the age of what is known, in seconds; no field if nothing was ever known.
    func addAge(of knowledge: KnowledgeAge, _ call: Call, _ response: inout Response) {
        guard call.endpoint?.policies.contains(.statesAge) == true, let age = knowledge.age else { return }
        response.addPlainField("Revocation-Age: ") { RevocationAge.write(age, to: &$0) }
    }
}
