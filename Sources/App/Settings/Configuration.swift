package import Keys
import Service

/// The settings of the service, read once at the start, in sections that each know how to read themselves.
package struct Configuration: Sendable {
    package let listen: ListenSettings
    package let tls: TLSSettings
    package let tokens: TokenSettings
    package let browser: BrowserSettings
    package let pages: PageSettings
    package let journal: JournalSettings
    package let store: StoreSettings
    package let feed: FeedSettings
    package let follow: FollowSettings
    package let keys: KeySettings
    package let accounts: AccountSettings
    package let passwords: PasswordSettings
    package let hashing: HashingSettings
    package let limits: LimitSettings
    package let log: LogSettings
    /// Bytes that the control group allows the process; nil for no limit.
    let memoryLimit: Int?
    /// The names of variables that Kubernetes sets for a Service named martlet. They are not settings.
    package let serviceLinks: [String]
    /// Settings that are accepted although they may do nothing, or not what was meant.
    package var warnings: [SettingsWarning] { browser.warnings }

    /// - Parameters:
    ///   - environment: settings by name; names that do not begin with `MARTLET_` are ignored.
    ///   - cores: what the word `cores` means.
    ///   - memoryLimit: bytes that the process may use; nil for no limit.
    ///   - selfSigned: whether every TCP address of the service speaks TLS with a certificate made for it.
    package init(
        environment: [String: String], cores: Int, memoryLimit: Int? = nil, selfSigned: Bool = false
    ) throws(ConfigurationError) {
        self = try SettingsReader.read(environment) { reader in
            Configuration(&reader, cores: cores, memoryLimit: memoryLimit, selfSigned: selfSigned)
        }
    }

    private init(_ reader: inout SettingsReader, cores: Int, memoryLimit: Int?, selfSigned: Bool) {
        serviceLinks = reader.checkNames(Setting.allCases)
        listen = ListenSettings(&reader, selfSigned: selfSigned)
        tls = TLSSettings(&reader, isWanted: listen.isAnySecure, selfSigned: selfSigned)
        journal = JournalSettings(&reader)
        store = StoreSettings(&reader)
        feed = FeedSettings(&reader)
        follow = FollowSettings(&reader)
        keys = KeySettings(&reader)
        tokens = TokenSettings(&reader, keySetMaxAge: keys.setMaxAge)
        browser = BrowserSettings(&reader, tokens.auth)
        pages = PageSettings(&reader)
        accounts = AccountSettings(&reader)
        passwords = PasswordSettings(&reader)
        hashing = HashingSettings(&reader, cores: cores)
        limits = LimitSettings(&reader, cores: cores)
        log = LogSettings(&reader)
        self.memoryLimit = memoryLimit
    }

    package var keySchedule: KeySchedule { keys.schedule(refreshIdle: tokens.auth.refreshIdle) }
}
