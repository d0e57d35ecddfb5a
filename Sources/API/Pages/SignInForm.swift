import Pages

/// The form of a sign-in: what its page shows again if it is rejected, and where the browser goes if it is not.
struct SignInForm: Sendable {
    var page = SignInPage()
    let returnAddress: ReturnAddress

    /// - Parameter returnTo: as sent. The page keeps it only if it is acceptable.
    init(returnTo: String?, _ browser: Browser) {
        returnAddress = browser.returnAddress(returnTo)
        if let returnTo, returnAddress.text == returnTo { page.returnAddress = returnTo }
    }

    /// The page that shows why the form was rejected.
    func rejected(_ refusal: PageRefusal) -> SignInPage {
        var page = page
        page.refusal = refusal
        page.notice = nil
        return page
    }
}
