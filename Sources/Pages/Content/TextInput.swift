/// An input with its label, its hint and its error.
struct TextInput {
    let field: PageField
    let label: PageText
    var hint: PageMessage?
    var isPassword = false
    /// What browsers and password managers fill in (HTML, "Autofill").
    let autocomplete: String
    /// Never that of a password.
    var value = ""
    var isReadOnly = false
    var isRequired = true
    var isFocused = false
    /// The refusal of the form, if there is one.
    var refusal: PageRefusal?

    /// The messages about this input.
    private var errors: [PageMessage] { refusal?.field == field ? refusal?.messages ?? [] : [] }

    func write(_ frame: PageFrame, to writer: inout HTMLWriter) {
        let (id, errors) = (field.rawValue, errors)
        writer.element(.div, [.set(.style, "field")]) { box in
            frame.write(.label, [.set(.label, id)], label, to: &box)
            box.element(.input, attributes(describedBy: described(id)))
            if let hint {
                let attributes: [HTMLAttribute] = [.set(.id, "\(id)-hint"), .set(.style, "hint")]
                frame.write(.p, attributes, hint.text, hint.number, to: &box)
            }
            guard !errors.isEmpty else { return }
            box.element(.div, [.set(.id, "\(id)-error"), .set(.role, "alert")]) { alert in
                for error in errors {
                    frame.write(.p, [.set(.style, "error")], error.text, error.number, to: &alert)
                }
            }
        }
    }

    private func described(_ id: String) -> [String] {
        (errors.isEmpty ? [] : ["\(id)-error"]) + (hint == nil ? [] : ["\(id)-hint"])
    }

    private func attributes(describedBy ids: [String]) -> [HTMLAttribute] {
        let id = field.rawValue
        var attributes: [HTMLAttribute] = [
            .set(.type, isPassword ? "password" : "text"), .set(.id, id), .set(.name, id),
            .set(.autocomplete, autocomplete),
        ]
        if !isPassword {
            // The direction of a name is that of its letters, whatever the page has.
            attributes += [
                .set(.dir, "auto"), .set(.autocapitalize, "none"), .set(.spellcheck, "false"), .set(.value, value),
            ]
        }
        if isRequired { attributes.append(.flag(.required)) }
        if isReadOnly { attributes.append(.flag(.readonly)) }
        if !ids.isEmpty { attributes.append(.set(.ariaDescribedBy, ids.joined(separator: " "))) }
        if !errors.isEmpty { attributes.append(.set(.ariaInvalid, "true")) }
        if isFocused { attributes.append(.flag(.autofocus)) }
        return attributes
    }
}
