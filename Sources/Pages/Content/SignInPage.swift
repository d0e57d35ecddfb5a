/// The page that asks for a user name and a password.
package struct SignInPage: Sendable {
    /// As typed, or that of the session whose user enters the password again.
    package var username = ""
    /// Whether the reader cannot change the name.
    package var isNameFixed = false
    package var isKept = true
    package var device = ""
    package var asksForDevice = false
    /// Where the reader goes next: an address that was checked.
    package var returnAddress: String?
    /// Seconds; nil unless the application asks for the password again.
    package var ageMax: Int64?
    /// The user who is signed in already.
    package var signedInAs: String?
    package var notice: PageMessage?
    package var refusal: PageRefusal?

    package init() {}

    static let returnName = "return"

    /// A whole page, and where in it the first input of the form begins.
    struct Written: Sendable {
        var html: [UInt8] = []
        var inputs = 0
    }

    package func html(_ site: PageSite, _ texts: PageTexts) -> [UInt8] { written(site, texts).html }

    func written(_ site: PageSite, _ texts: PageTexts) -> Written {
        let frame = PageFrame(site: site, texts: texts)
        var written = Written()
        written.html = frame.document(.signInTitle, isError: refusal != nil) { main in
            if let notice { frame.notice(notice, to: &main) }
            if isNameFixed {
                frame.write(.p, .passwordAgain, to: &main)
            } else if let signedInAs {
                frame.sentence(.signedInAs, about: signedInAs, to: &main)
            }
            if let refusal, refusal.field == nil { frame.alert(refusal.messages, to: &main) }
            written.inputs = form(frame, to: &main)
            links(frame, to: &main)
        }
        return written
    }

    /// - Returns: where the first input begins.
    private func form(_ frame: PageFrame, to main: inout HTMLWriter) -> Int {
        var inputs = 0
        frame.form("/signin", to: &main) { form in
            inputs = form.bytes.count
            if let returnAddress { PageFrame.hidden(Self.returnName, returnAddress, to: &form) }
            if let ageMax { PageFrame.hidden("max_age", "\(ageMax)", to: &form) }
            var name = TextInput(field: .username, label: .username, autocomplete: "username")
            name.value = username
            name.isReadOnly = isNameFixed
            name.refusal = refusal
            name.isFocused = refusal == nil ? username.isEmpty : refusal?.field == .username
            name.write(frame, to: &form)
            var password = TextInput(field: .password, label: .password, autocomplete: "current-password")
            password.isPassword = true
            password.refusal = refusal
            password.isFocused = refusal == nil ? !username.isEmpty : refusal?.field == .password
            password.write(frame, to: &form)
            if asksForDevice { deviceInput.write(frame, to: &form) }
            remember(frame, to: &form)
            frame.button(.signIn, to: &form)
        }
        return inputs
    }

    private var deviceInput: TextInput {
        var input = TextInput(
            field: .device, label: .device, hint: PageMessage(.deviceHint), autocomplete: "off", value: device,
            isRequired: false)
        input.refusal = refusal
        input.isFocused = refusal?.field == .device
        return input
    }

    private func remember(_ frame: PageFrame, to form: inout HTMLWriter) {
        form.element(.div, [.set(.style, "field choice")]) { choice in
            var attributes: [HTMLAttribute] = [
                .set(.type, "checkbox"), .set(.id, "remember"), .set(.name, "remember"), .set(.value, "true"),
            ]
            if isKept { attributes.append(.flag(.checked)) }
            choice.element(.input, attributes)
            frame.write(.label, [.set(.label, "remember")], .remember, to: &choice)
        }
    }

    private func links(_ frame: PageFrame, to main: inout HTMLWriter) {
        if isNameFixed {
            let query = returnAddress.map { [(name: "return" as StaticString, value: $0)] } ?? []
            frame.links([(.otherUser, frame.site.path("/signin", query: query))], to: &main)
        } else if signedInAs != nil {
            frame.links([(.toAccount, frame.site.path("/account"))], to: &main)
        }
    }
}
