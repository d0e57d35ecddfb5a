/// The pages for signing in that contain nothing of a request but its return address. They are written once, in each
/// language.
package struct FinishedSignInPages: Sendable {
    /// Four for each language.
    private let pages: [SignInPage.Written]

    package init(_ site: PageSite) {
        var pages: [SignInPage.Written] = []
        for texts in site.languages.all {
            for index in 0..<Self.countOfLanguage {
                var page = SignInPage()
                page.isKept = index & 1 == 1
                page.asksForDevice = index & 2 == 2
                pages.append(page.written(site, texts))
            }
        }
        self.pages = pages
    }

    private static let countOfLanguage = 4

    /// - Parameter language: the index of the language in ``PageLanguages/all``.
    /// - Returns: nil for a page that contains something else of its request.
    package func html(_ page: SignInPage, language: Int) -> [UInt8]? {
        guard page.isBlank else { return nil }
        let index = language * Self.countOfLanguage + (page.isKept ? 1 : 0) + (page.asksForDevice ? 2 : 0)
        guard pages.indices.contains(index) else { return nil }
        let (html, inputs) = (pages[index].html, pages[index].inputs)
        guard let address = page.returnAddress else { return html }
        let input = HTMLWriter.fragment { PageFrame.hidden(SignInPage.returnName, address, to: &$0) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(html.count + input.count)
        bytes.append(contentsOf: html[..<inputs])
        bytes.append(contentsOf: input)
        bytes.append(contentsOf: html[inputs...])
        return bytes
    }
}

extension SignInPage {
    fileprivate var isBlank: Bool {
        username.isEmpty && !isNameFixed && device.isEmpty && ageMax == nil && signedInAs == nil && notice == nil
            && refusal == nil
    }
}
