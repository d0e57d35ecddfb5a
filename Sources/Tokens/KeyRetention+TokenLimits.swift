package import Keys

extension KeyRetention {
    /// Keeps each key until the last token of the service that it signed has expired, whatever the settings were when it
    /// was issued.
    ///
    /// - Parameter refreshIdle: seconds that a session may be unused.
    package init(refreshIdle: Int64, limits: TokenLimits = .standard) {
        self.init(
            access: limits.accessKeyRetention, refresh: limits.refreshKeyRetention(idle: refreshIdle))
    }
}
