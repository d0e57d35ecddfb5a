import HTTP
import Revocation
import Service

extension Application {
    /// Whether what is known about revocations is as new as the caller asks. A server with its own journal knows
    /// everything.
    func checkFreshness(_ conditions: Conditions) throws(Problem) {
        guard let followed = shared.authState.followed else { return }
        let isOld = conditions.revocationAgeMax.map { followed.isOlder(thanSeconds: $0) } ?? false
        guard isOld || followed.rejectsAll else { return }
        throw Problem(.stale, retryAfter: 1)
    }

    /// Adds the age of what is known, in seconds; no field if nothing was ever known.
    func addAge(of followed: FollowedFeed, _ call: Call, _ response: inout Response) {
        guard call.endpoint?.policies.contains(.statesAge) == true, let age = followed.age else { return }
        response.addField("Revocation-Age", RevocationAge.text(age).utf8)
    }
}
