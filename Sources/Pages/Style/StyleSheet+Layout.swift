extension StyleSheet {
    /// Sizes and places. All lengths follow the text size of the reader, and nothing moves.
    static let layout = StyleSheet(
        stem: "layout",
        content: Array(
            """
            *, *::before, *::after { box-sizing: border-box; }
            html { font-family: system-ui, sans-serif; line-height: 1.5; overflow-wrap: anywhere; }
            body { margin: 0; padding: 1rem min(1rem, 4vw); }
            header, main { max-width: 34rem; margin-inline: auto; }
            .site { margin-block: 0 1.5rem; font-weight: 600; }
            h1 { font-size: 1.75rem; line-height: 1.25; margin-block: 0 1rem; }
            h2 { font-size: 1.3rem; line-height: 1.3; margin-block: 2.5rem 0.75rem; }
            h3 { font-size: 1.05rem; margin-block: 1.5rem 0.5rem; }
            p { margin-block: 0 1rem; }
            form { margin-block: 0 1rem; }
            .field { margin-block: 0 1.25rem; }
            .field > label { display: block; font-weight: 600; margin-block-end: 0.25rem; }
            .field > p, .field > div { margin-block: 0.45rem 0; }
            .hint { font-size: 0.95rem; }
            .error { font-weight: 600; margin: 0; }
            .error::before { content: "\\26A0\\FE0E" / ""; margin-inline-end: 0.4em; }
            .message { margin-block: 0 1rem; padding: 0.75rem 1rem; border-inline-start: 0.3rem solid; }
            input { font: inherit; color: inherit; }
            input[type=text], input[type=password] {
                inline-size: 100%; min-block-size: 2.75rem; padding: 0.5rem 0.75rem; border: 0.1rem solid;
                border-radius: 0.25rem;
            }
            .choice { display: flex; align-items: center; gap: 0.6rem; min-block-size: 2.75rem; }
            .choice input { inline-size: 1.5rem; block-size: 1.5rem; min-inline-size: 24px; min-block-size: 24px;
                flex: none; margin: 0; }
            button {
                font: inherit; font-weight: 600; min-block-size: 2.75rem; min-inline-size: 2.75rem;
                max-inline-size: 100%; padding: 0.5rem min(1.25rem, 4vw); border: 0.1rem solid; border-radius: 0.25rem;
                cursor: pointer;
            }
            .links { display: flex; flex-wrap: wrap; gap: 0 1rem; }
            .links a { min-block-size: 1.75rem; min-inline-size: 24px; padding-block: 0.15rem; }
            :focus-visible { outline: 0.2rem solid; outline-offset: 0.15rem; }
            .sessions { list-style: none; margin: 0; padding: 0; }
            .sessions > li, .session { padding-block: 1rem; border-block-start: 0.1rem solid; }
            dl { display: grid; grid-template-columns: minmax(6rem, max-content) 1fr; gap: 0.15rem 1rem;
                margin-block: 0 0.75rem; }
            dd { margin: 0; }
            @media (max-width: 30em) { dl { display: block; } dd { margin-block-end: 0.35rem; } }
            @media (forced-colors: active) {
                [aria-invalid=true] { border: 0.2rem solid Mark; }
                .message { border: 0.1rem solid; }
            }
            """.utf8))
}
