extension StyleSheet {
    /// Colors, light and dark. Text has a contrast of at least 7 to its background, and borders of controls at least
    /// 4.5.
    static let theme = StyleSheet(
        stem: "theme",
        content: Array(
            """
            :root {
                color-scheme: light dark;
                --back: #ffffff; --text: #1b1b1b; --quiet: #4a4a4a; --line: #6b6b6b; --faint: #d0d0d0;
                --accent: #0a4a8c; --on-accent: #ffffff; --bad: #9b0b1c; --surface: #f1f4f8;
            }
            @media (prefers-color-scheme: dark) {
                :root {
                    --back: #121518; --text: #f2f2f2; --quiet: #c8cbce; --line: #a0a6ac; --faint: #444a50;
                    --accent: #9ccbff; --on-accent: #0b1722; --bad: #ffb4ab; --surface: #1d2328;
                }
            }
            html { background: var(--back); color: var(--text); }
            a { color: var(--accent); }
            .hint, dt { color: var(--quiet); }
            .error { color: var(--bad); }
            .message { background: var(--surface); border-color: var(--accent); }
            .message.error { border-color: var(--bad); }
            input[type=text], input[type=password] { background: var(--back); border-color: var(--line); }
            input[readonly] { background: var(--surface); }
            input[aria-invalid=true] { border-color: var(--bad); }
            .choice input { accent-color: var(--accent); }
            button { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
            button.plain { background: var(--back); color: var(--accent); }
            :focus-visible { outline-color: var(--accent); }
            .sessions > li, .session { border-color: var(--faint); }
            """.utf8))
}
