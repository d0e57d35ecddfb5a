/// One sentence for the reader, with its number.
package struct PageMessage: Equatable, Sendable {
    package let text: PageText
    package let number: Int64?

    package init(_ text: PageText, _ number: Int64? = nil) {
        self.text = text
        self.number = number
    }
}

/// The inputs that a message can be about; the raw value is the name of the input.
package enum PageField: String, CaseIterable, Sendable {
    case username, password, device
    case currentPassword = "current_password"
    case newPassword = "new_password"
    case newPasswordAgain = "new_password_again"
}

/// Why a form was rejected.
package struct PageRefusal: Equatable, Sendable {
    /// Nil for a message about the whole form.
    package let field: PageField?
    package let messages: [PageMessage]

    package init(_ field: PageField?, _ messages: [PageMessage]) {
        self.field = field
        self.messages = messages
    }

    package init(_ field: PageField?, _ text: PageText, _ number: Int64? = nil) {
        self.init(field, [PageMessage(text, number)])
    }
}
