extension Setting: CaseIterable {
    /// The settings of all sections, in the order of `--help`.
    package static let allCases: [Setting] =
        ListenSettings.settings + TLSSettings.settings + TokenSettings.settings + BrowserSettings.settings
        + PageSettings.settings + JournalSettings.settings + StoreSettings.settings + FeedSettings.settings
        + FollowSettings.settings
        + KeySettings.settings + AccountSettings.settings + PasswordSettings.settings
        + HashingSettings.settings
        + LimitSettings.settings + LogSettings.settings + [.environmentFile]
}
