import Accounts
import App
import JOSE
import Platform
import Service

/// Rejects users whose access token would be longer than a token may be: each of their logins would fail.
final class TokenSizeCheck {
    private let limits: TokenSizeLimits
    /// Made for the first user that needs it, because generating a key takes time.
    private var fit: CookieFit?

    /// - Throws: if a setting that decides the size of tokens is wrong.
    init() throws(CommandError) {
        limits = try NewPassword.settings { TokenSizeLimits(&$0) }
    }

    /// - Parameter old: the user before the change. A change that makes the token shorter is accepted.
    func check(_ user: User, insteadOf old: User? = nil) throws(CommandError) {
        guard let misfit = try misfit(user) else { return }
        if let old, let before = try self.misfit(old), before.byteCount > misfit.byteCount { return }
        throw .refused("\(user.name): \(reason(misfit))")
    }

    /// Returns why a user is rejected.
    func reason(_ user: User) throws(CommandError) -> String? {
        try misfit(user).map(reason)
    }

    private func reason(_ misfit: CookieFit.Misfit) -> String {
        let place = limits.isForCookies ? "fit into a cookie" : "a token may have"
        return "the access token would have \(misfit.byteCount) bytes, and \(limits.byteCountMax) \(place); most of it "
            + "is \(misfit.claim), so shorten that"
    }

    private func misfit(_ user: User) throws(CommandError) -> CookieFit.Misfit? {
        guard !CookieFit.isCertain(user, limits.auth) else { return nil }
        if fit == nil {
            do throws(KeyError) { fit = try CookieFit(limits.auth, now: SystemClock.wall.now) } catch {
                throw .refused("no key for a trial could be generated: \(error)")
            }
        }
        return fit?.misfit(user, byteCountMax: limits.byteCountMax)
    }
}
