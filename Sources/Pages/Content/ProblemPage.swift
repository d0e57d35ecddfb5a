/// The page for a request that has no page of its own, because it was rejected before its form was read.
package struct ProblemPage: Sendable {
    private let message: PageMessage

    package init(_ message: PageMessage) {
        self.message = message
    }

    package func html(_ site: PageSite, _ texts: PageTexts) -> [UInt8] {
        let frame = PageFrame(site: site, texts: texts)
        return frame.document(.problemTitle, isError: true) { main in
            frame.alert([message], to: &main)
            frame.links(
                [(.toSignIn, site.path("/signin")), (.toAccount, site.path("/account"))], to: &main)
        }
    }
}
