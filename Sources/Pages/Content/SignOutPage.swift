/// The page that asks whether the reader wants to sign out.
package struct SignOutPage: Sendable {
    /// Nil if no session is known.
    package var username: String?
    /// Whether there is a session to end.
    package var isSignedIn = true
    package var refusal: PageRefusal?

    package init() {}

    package func html(_ site: PageSite, _ texts: PageTexts) -> [UInt8] {
        let frame = PageFrame(site: site, texts: texts)
        return frame.document(.signOutTitle, isError: refusal != nil) { main in
            if let refusal { frame.alert(refusal.messages, to: &main) }
            guard isSignedIn else {
                frame.write(.p, .signedOut, to: &main)
                return frame.links([(.toSignIn, site.path("/signin"))], to: &main)
            }
            if let username { frame.sentence(.signedInAs, about: username, to: &main) }
            frame.write(.p, .signOutQuestion, to: &main)
            frame.form("/signout", to: &main) { frame.button(.signOut, to: &$0) }
            frame.links([(.toAccount, site.path("/account"))], to: &main)
        }
    }
}
