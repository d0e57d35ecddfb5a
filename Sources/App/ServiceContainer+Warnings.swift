import API
import Accounts
import HTTP
import Platform
import Service
import Telemetry

extension ServiceContainer {
    /// Uses fewer workers than configured if their total memory would approach the control group's limit.
    static func hashWorkers(_ configuration: Configuration, _ users: UserDirectory, _ log: Log) -> Int {
        let wanted = configuration.hashing.workers
        let limit = configuration.memoryLimit
        let stored = limit == nil ? 0 : users.users.reduce(0) { max($0, PasswordHasher.memory(of: $1.passwordHash)) }
        let memory = HashMemory(wanted: wanted, parameters: configuration.hashing.argon2, stored: stored, limit: limit)
        if memory.isTight, let limit {
            log.write(.warning, "hash_workers_reduced") { line in
                line.add("wanted", wanted)
                line.add("workers", memory.workers)
                line.add("bytes_each", memory.each)
                line.add("memory_limit", limit)
                line.add(
                    "remedy",
                    "password hashing gets half of the memory limit: raise the limit, or lower MARTLET_HASH_WORKERS or MARTLET_ARGON2_MEMORY"
                )
            }
        }
        return memory.workers
    }

    /// Names users who cannot log in by cookie, before they try.
    static func sayLargeTokens(_ authState: AuthState, _ users: UserDirectory, _ browser: Browser) {
        guard let context = try? LoopContext(authState: authState) else { return }
        let fit = CookieFit(context)
        let misfits = fit.misfits(among: users.users, byteCountMax: browser.accessByteCountMax, countMax: 10)
        for misfit in misfits {
            authState.log.write(.warning, "cookie_too_large") { line in
                line.add("username", misfit.user)
                line.add("sub", misfit.subject)
                line.add("claim", misfit.claim)
                line.add(
                    "remedy",
                    "the access token of this user is too large for a cookie, so a login by cookie fails: shorten this claim, or remove it from MARTLET_CLAIMS"
                )
            }
        }
    }

    /// What the settings may do that the operator does not want.
    static func sayWarnings(_ configuration: Configuration, _ clients: ClientDirectory, _ log: Log) {
        say(configuration.warnings, log)
        sayAudiences(configuration.tokens.auth, log)
        sayShared(configuration.tokens.auth, clients, log)
    }

    static func say(_ warnings: [SettingsWarning], _ log: Log) {
        for warning in warnings {
            log.write(.warning, warning.event) { line in
                line.add("settings", warning.names.joined(separator: " "))
                line.add("remedy", warning.remedy)
            }
        }
    }

    static func say(_ sources: LoginSources, _ log: Log) {
        guard let finding = sources.finding(at: MonotonicClock.nanoseconds() / 1_000_000) else { return }
        log.write(.warning, "logins_from_one_address") { line in
            line.add("address", finding.address.description)
            line.add("count", finding.count)
            line.add(
                "remedy",
                "every login of the last minute came from this private address: if it is a proxy, list it in MARTLET_TRUSTED_PROXIES and configure it to send X-Forwarded-For; if it is a backend, let it authenticate as a client and send source"
            )
        }
    }
}
