/// The document around the content of a page, in the language of the reader.
struct PageFrame {
    let site: PageSite
    let texts: PageTexts

    /// Writes a whole document.
    ///
    /// - Parameters:
    ///   - isError: whether the title says so first, because a screen reader reads it first.
    ///   - next: what the browser loads at once instead; nil for a page that stays.
    func document(
        _ title: PageText, isError: Bool = false, instantly next: PagePath? = nil,
        _ content: (inout HTMLWriter) -> Void
    ) -> [UInt8] {
        var writer = HTMLWriter()
        writer.element(.html, [.set(.lang, texts.tag), .set(.dir, texts.direction.rawValue)]) { html in
            html.element(.head) { head in
                self.head(&head, title, isError: isError)
                if let next { head.element(.meta, [.set(.equivalent, "refresh"), .instantly(next)]) }
            }
            html.element(.body) { body in
                body.element(.header) { $0.element(.p, [.set(.style, "site")], text: site.name) }
                body.element(.main) { main in
                    write(.h1, title, to: &main)
                    content(&main)
                }
            }
        }
        return writer.bytes
    }

    private func head(_ head: inout HTMLWriter, _ title: PageText, isError: Bool) {
        head.element(.meta, [.set(.charset, "utf-8")])
        head.element(.meta, [.set(.name, "viewport"), .set(.content, "width=device-width, initial-scale=1")])
        let prefix = isError ? "\(texts[.errorPrefix]): " : ""
        head.element(.title, language(of: title), text: "\(prefix)\(texts[title]) – \(site.name)")
        for sheet in site.sheets {
            let path = PagePath(under: site.publicPath, sheet: sheet.name)
            head.element(.link, [.set(.rel, "stylesheet"), .link(.href, path)])
        }
    }

    /// Writes an element with one of the texts.
    func write(
        _ tag: HTMLTag, _ attributes: [HTMLAttribute], _ text: PageText, _ number: Int64? = nil,
        to writer: inout HTMLWriter
    ) {
        writer.element(tag, attributes + language(of: text), text: texts.text(text, number))
    }

    func write(_ tag: HTMLTag, _ text: PageText, _ number: Int64? = nil, to writer: inout HTMLWriter) {
        write(tag, [], text, number, to: &writer)
    }

    /// What the element of a text says about its language, if that is not the language of the page (WCAG 3.1.2).
    func language(of text: PageText) -> [HTMLAttribute] {
        guard texts.lacks(text) else { return [] }
        return [.set(.lang, PageTexts.english.tag), .set(.dir, PageTexts.english.direction.rawValue)]
    }

    /// A form that is sent to a page of this service.
    func form(
        _ path: StaticString, to writer: inout HTMLWriter, _ content: (inout HTMLWriter) -> Void
    ) {
        // The service checks the fields and says in the reader's language what is wrong, so the browser need not.
        let attributes: [HTMLAttribute] = [
            .set(.method, "post"), .link(.action, site.path(path)), .flag(.novalidate),
        ]
        writer.element(.form, attributes, content)
    }

    static func hidden(_ name: String, _ value: String, to writer: inout HTMLWriter) {
        writer.element(.input, [.set(.type, "hidden"), .set(.name, name), .set(.value, value)])
    }

    func button(
        _ text: PageText, named name: String? = nil, value: String? = nil, isPlain: Bool = false,
        about label: String? = nil,
        to writer: inout HTMLWriter
    ) {
        var attributes: [HTMLAttribute] = [.set(.type, "submit")]
        if let name, let value { attributes += [.set(.name, name), .set(.value, value)] }
        if isPlain { attributes.append(.set(.style, "plain")) }
        // The name of a control has to begin with what is visible of it (WCAG 2.5.3).
        if let label { attributes.append(.set(.ariaLabel, "\(texts[text]): \(label)")) }
        write(.button, attributes, text, to: &writer)
    }

    func links(_ links: [(text: PageText, path: PagePath)], to writer: inout HTMLWriter) {
        writer.element(.p, [.set(.style, "links")]) { paragraph in
            for link in links {
                write(.a, [.link(.href, link.path)], link.text, to: &paragraph)
                paragraph.text(" ")
            }
        }
    }

    /// A text with a name that a client chose. The name is isolated, so that its direction changes nothing around it.
    func sentence(_ text: PageText, about name: String, to writer: inout HTMLWriter) {
        let (before, after) = texts.parts(text)
        writer.element(.p, language(of: text)) { paragraph in
            // A text without a place for the name still gets it.
            paragraph.text(after == nil ? "\(before) " : before)
            paragraph.element(.bdi) { $0.element(.strong, text: name) }
            paragraph.text(after ?? "")
        }
    }

    /// A message about the whole page that a screen reader reads when the page is there.
    func notice(_ message: PageMessage, to writer: inout HTMLWriter) {
        write(.p, [.set(.style, "message"), .set(.role, "status")], message.text, message.number, to: &writer)
    }

    /// Messages about a whole form. They have the focus, because no field of the form is wrong.
    func alert(_ messages: [PageMessage], isFocused: Bool = true, to writer: inout HTMLWriter) {
        var attributes: [HTMLAttribute] = [.set(.style, "message error"), .set(.role, "alert")]
        if isFocused { attributes += [.set(.tabIndex, "-1"), .flag(.autofocus)] }
        for (index, message) in messages.enumerated() {
            let attributes = index == 0 ? attributes : Array(attributes.prefix(2))
            write(.p, attributes, message.text, message.number, to: &writer)
        }
    }
}
