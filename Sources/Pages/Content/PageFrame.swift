/// The document around the content of a page, in the language of the reader.
struct PageFrame {
    let site: PageSite
    let texts: PageTexts

    /// Writes a whole document.
    ///
    /// - Parameter isError: whether the title says so first, because a screen reader reads it first.
    func document(
        _ title: PageText, isError: Bool = false, _ content: (inout HTMLWriter) -> Void
    ) -> [UInt8] {
        var writer = HTMLWriter()
        writer.element(.html, [.set(.lang, texts.tag), .set(.dir, texts.direction.rawValue)]) { html in
            html.element(.head) { head(&$0, title, isError: isError) }
            html.element(.body) { body in
                body.element(.header) { $0.element(.p, [.set(.style, "site")], text: site.name) }
                body.element(.main) { main in
                    main.element(.h1, text: texts[title])
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
        head.element(.title, text: "\(prefix)\(texts[title]) – \(site.name)")
        for sheet in site.sheets {
            let path = PagePath(under: site.publicPath, sheet: sheet.name)
            head.element(.link, [.set(.rel, "stylesheet"), .link(.href, path)])
        }
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

    func hidden(_ name: String, _ value: String, to writer: inout HTMLWriter) {
        writer.element(.input, [.set(.type, "hidden"), .set(.name, name), .set(.value, value)])
    }

    func button(
        _ text: PageText, named name: String? = nil, value: String? = nil, isPlain: Bool = false, about label: String? = nil,
        to writer: inout HTMLWriter
    ) {
        var attributes: [HTMLAttribute] = [.set(.type, "submit")]
        if let name, let value { attributes += [.set(.name, name), .set(.value, value)] }
        if isPlain { attributes.append(.set(.style, "plain")) }
        // The name of a control has to begin with what is visible of it (WCAG 2.5.3).
        if let label { attributes.append(.set(.ariaLabel, "\(texts[text]): \(label)")) }
        writer.element(.button, attributes, text: texts[text])
    }

    func links(_ links: [(text: PageText, path: PagePath)], to writer: inout HTMLWriter) {
        writer.element(.p, [.set(.style, "links")]) { paragraph in
            for link in links {
                paragraph.element(.a, [.link(.href, link.path)], text: texts[link.text])
                paragraph.text(" ")
            }
        }
    }

    /// A text with a name that a client chose. The name is isolated, so that its direction changes nothing around it.
    func sentence(_ text: PageText, about name: String, to writer: inout HTMLWriter) {
        let (before, after) = texts.parts(text)
        writer.element(.p) { paragraph in
            // A text without a place for the name still gets it.
            paragraph.text(after == nil ? "\(before) " : before)
            paragraph.element(.bdi) { $0.element(.strong, text: name) }
            paragraph.text(after ?? "")
        }
    }

    /// A message about the whole page that a screen reader reads when the page is there.
    func notice(_ message: PageMessage, to writer: inout HTMLWriter) {
        writer.element(
            .p, [.set(.style, "message"), .set(.role, "status")], text: texts.text(message.text, message.number))
    }

    /// Messages about a whole form. They have the focus, because no field of the form is wrong.
    func alert(_ messages: [PageMessage], isFocused: Bool = true, to writer: inout HTMLWriter) {
        var attributes: [HTMLAttribute] = [.set(.style, "message error"), .set(.role, "alert")]
        if isFocused { attributes += [.set(.tabIndex, "-1"), .flag(.autofocus)] }
        for (index, message) in messages.enumerated() {
            let text = texts.text(message.text, message.number)
            writer.element(.p, index == 0 ? attributes : Array(attributes.prefix(2)), text: text)
        }
    }
}
