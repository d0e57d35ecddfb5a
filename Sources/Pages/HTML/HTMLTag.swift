/// The elements that pages consist of. None of them contains anything but escaped text, so there is no script and no
/// style.
package enum HTMLTag: String, Sendable {
    case html, head, title, body, header, main, section
    case h1, h2, h3, p, ul, li, dl, dt, dd, div, span, bdi, strong, time
    case form, label, button, a
}

/// The elements without content.
package enum HTMLVoidTag: String, CaseIterable, Sendable {
    case meta, link, input
}
