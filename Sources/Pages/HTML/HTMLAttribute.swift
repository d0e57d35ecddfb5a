/// An attribute of an element. Its value is always escaped and always in double quotes.
package enum HTMLAttribute: Sendable {
    /// No event handler and no style: their values would be code.
    package enum Name: String, CaseIterable, Sendable {
        case id, name, value, type, content, charset, rel, method, lang, dir, role, datetime
        case label = "for"
        case equivalent = "http-equiv"
        case style = "class"
        case tabIndex = "tabindex"
        case autocomplete, autocapitalize, spellcheck
        case ariaDescribedBy = "aria-describedby"
        case ariaInvalid = "aria-invalid"
        case ariaLabel = "aria-label"
        case ariaLabelledBy = "aria-labelledby"
    }

    /// An attribute that is there or not.
    package enum Flag: String, CaseIterable, Sendable {
        case autofocus, checked, required, readonly, novalidate, hidden
    }

    /// An attribute whose value is an address.
    package enum Link: String, CaseIterable, Sendable {
        case href, action
    }

    case set(Name, String)
    case flag(Flag)
    /// Only paths of this service, and where the reader wanted to go, if that is an address that may be visited.
    case link(Link, PagePath)
    /// What a `meta` element with `http-equiv="refresh"` loads at once.
    case instantly(PagePath)
}

/// The address of a page or a style sheet, as browsers see it.
package struct PagePath: Equatable, Sendable {
    package let text: String

    /// - Parameters:
    ///   - prefix: the path under which browsers find the service; empty for the root.
    ///   - path: begins with a slash.
    ///   - query: names and values, which are percent-encoded.
    package init(under prefix: String, _ path: StaticString, query: [(name: StaticString, value: String)] = []) {
        self.init(text: prefix + "\(path)", query)
    }

    /// Where a reader goes next.
    ///
    /// - Parameter address: a path, or a URL of a listed origin, which the caller has checked.
    package init(checked address: String) {
        self.init(text: address, [])
    }

    /// A style sheet.
    init(under prefix: String, sheet name: String) {
        self.init(text: "\(prefix)/pages/\(name)", [])
    }

    private init(text: String, _ query: [(name: StaticString, value: String)]) {
        let pairs = query.map { "\($0.name)=\(Self.encoded($0.value))" }
        self.text = pairs.isEmpty ? text : "\(text)?\(pairs.joined(separator: "&"))"
    }

    /// Everything but unreserved characters and the slash is encoded (RFC 3986 §2.3, §3.4).
    private static func encoded(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x2f, 0x5f, 0x7e: bytes.append(byte)
            default: bytes += [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
