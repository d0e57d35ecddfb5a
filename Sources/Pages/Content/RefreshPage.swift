/// What a reader may see on the way through `/refresh`: a sentence, and a link that leads on.
package struct RefreshPage: Sendable {
    package enum Reason: Sendable {
        /// The link is loaded at once, as a page of this site: then the browser sends its Strict cookies.
        case renewal
        case cookiesNotKept
        /// The session needs no renewal, so something else is wrong.
        case needless
    }

    private let reason: Reason
    private let next: PagePath

    package init(_ reason: Reason, next: PagePath) {
        self.reason = reason
        self.next = next
    }

    package func html(_ site: PageSite, _ texts: PageTexts) -> [UInt8] {
        let frame = PageFrame(site: site, texts: texts)
        let isInstant = reason == .renewal
        return frame.document(title, instantly: isInstant ? next : nil) { main in
            for sentence in sentences { frame.write(.p, sentence, to: &main) }
            frame.links([(reason == .cookiesNotKept ? .toSignIn : .goOn, next)], to: &main)
        }
    }

    private var title: PageText {
        switch reason {
        case .renewal: .renewalTitle
        case .cookiesNotKept: .cookiesTitle
        case .needless: .needlessTitle
        }
    }

    private var sentences: [PageText] {
        switch reason {
        case .renewal: [.renewal]
        case .cookiesNotKept: [.cookiesNotKept]
        case .needless: [.needless, .needlessAgain]
        }
    }
}
