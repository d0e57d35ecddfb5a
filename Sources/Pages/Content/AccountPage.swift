import Encoding
package import Platform

/// The page of a signed-in user: sessions and password.
package struct AccountPage: Sendable {
    /// One session of the list.
    package struct Session: Sendable {
        package let id: String
        /// As the client called it.
        package let device: String?
        package let address: String?
        package let beganAt: UnixMilliseconds
        /// Nil for a session of which only the identifier is known, because the service keeps no list.
        package let usedAt: UnixMilliseconds?

        package init(
            id: String, device: String? = nil, address: String? = nil, beganAt: UnixMilliseconds,
            usedAt: UnixMilliseconds? = nil
        ) {
            self.id = id
            self.device = device
            self.address = address
            self.beganAt = beganAt
            self.usedAt = usedAt
        }
    }

    /// How many other sessions are shown; a page with more would be slow to read and to send.
    package static let sessionCountMax = 100

    package let username: String
    package var current: Session?
    /// The newest first; nil if the service keeps no list.
    package var others: [Session]?
    /// The number of characters that a new password needs; nil for a user without a password here.
    package var passwordCharacterCountMin: Int?
    package var notice: PageMessage?
    package var refusal: PageRefusal?

    package init(username: String) {
        self.username = username
    }

    package func html(_ site: PageSite, _ texts: PageTexts) -> [UInt8] {
        let frame = PageFrame(site: site, texts: texts)
        return frame.document(.accountTitle, isError: refusal != nil) { main in
            if let notice { frame.notice(notice, to: &main) }
            if let refusal, refusal.field == nil { frame.alert(refusal.messages, to: &main) }
            frame.sentence(.signedInAs, about: username, to: &main)
            frame.links([(.signOut, site.path("/signout"))], to: &main)
            sessions(frame, to: &main)
            password(frame, to: &main)
        }
    }

    private func sessions(_ frame: PageFrame, to main: inout HTMLWriter) {
        section(.sessionsTitle, "sessions", frame, to: &main) { section in
            if let current {
                frame.write(.h3, .thisSession, to: &section)
                section.element(.div, [.set(.style, "session")]) { facts(current, frame, to: &$0) }
            }
            if let others {
                frame.write(.h3, .otherSessions, to: &section)
                list(others, frame, to: &section)
            }
            if others?.isEmpty != true { action("others", .endOthers, frame, to: &section) }
            action("all", .endAll, frame, to: &section)
        }
    }

    private func section(
        _ title: PageText, _ id: String, _ frame: PageFrame, to main: inout HTMLWriter,
        _ content: (inout HTMLWriter) -> Void
    ) {
        main.element(.section, [.set(.ariaLabelledBy, id)]) { section in
            frame.write(.h2, [.set(.id, id)], title, to: &section)
            content(&section)
        }
    }

    private func list(_ others: [Session], _ frame: PageFrame, to section: inout HTMLWriter) {
        guard !others.isEmpty else { return frame.write(.p, .otherSessionsNone, to: &section) }
        section.element(.ul, [.set(.style, "sessions")]) { list in
            for session in others.prefix(Self.sessionCountMax) {
                list.element(.li) { item in
                    facts(session, frame, to: &item)
                    frame.form("/account", to: &item) { form in
                        PageFrame.hidden("action", "end", to: &form)
                        PageFrame.hidden("session", session.id, to: &form)
                        let device = session.device ?? frame.texts[.unknown]
                        frame.button(
                            .endSession, isPlain: true, about: "\(device), \(Self.text(session.beganAt))", to: &form)
                    }
                }
            }
        }
        let rest = others.count - Self.sessionCountMax
        if rest > 0 { frame.write(.p, .moreSessions, Int64(rest), to: &section) }
    }

    private func facts(_ session: Session, _ frame: PageFrame, to writer: inout HTMLWriter) {
        writer.element(.dl) { facts in
            let isListed = session.usedAt != nil
            for (name, value) in [(PageText.sessionDevice, session.device), (.sessionAddress, session.address)]
            where isListed {
                frame.write(.dt, name, to: &facts)
                facts.element(.dd) { $0.element(.bdi, text: value ?? frame.texts[.unknown]) }
            }
            for (name, time) in [
                (PageText.sessionBegan, session.beganAt as UnixMilliseconds?), (.sessionUsed, session.usedAt),
            ] {
                guard let time else { continue }
                frame.write(.dt, name, to: &facts)
                facts.element(.dd) { value in
                    // In a text from right to left, its parts would change their places.
                    let attributes: [HTMLAttribute] = [.set(.datetime, Self.machineText(time)), .set(.dir, "ltr")]
                    value.element(.time, attributes, text: Self.text(time))
                }
            }
        }
    }

    private func action(_ name: String, _ text: PageText, _ frame: PageFrame, to section: inout HTMLWriter) {
        frame.form("/account", to: &section) { form in
            PageFrame.hidden("action", name, to: &form)
            frame.button(text, isPlain: true, to: &form)
        }
    }

    private func password(_ frame: PageFrame, to main: inout HTMLWriter) {
        section(.passwordTitle, "password", frame, to: &main) { section in
            guard let passwordCharacterCountMin else {
                return frame.write(.p, .passwordElsewhere, to: &section)
            }
            let hint = PageMessage(.newPasswordHint, Int64(passwordCharacterCountMin))
            frame.form("/account", to: &section) { form in
                PageFrame.hidden("action", "password", to: &form)
                // A password manager looks here for the account whose password changes.
                form.element(
                    .input,
                    [
                        .set(.type, "text"), .set(.name, "username"), .set(.value, username),
                        .set(.autocomplete, "username"), .flag(.readonly), .flag(.hidden),
                    ])
                let inputs = [
                    TextInput(field: .currentPassword, label: .currentPassword, autocomplete: "current-password"),
                    TextInput(field: .newPassword, label: .newPassword, hint: hint, autocomplete: "new-password"),
                    TextInput(field: .newPasswordAgain, label: .newPasswordAgain, autocomplete: "new-password"),
                ]
                for var input in inputs {
                    input.isPassword = true
                    input.refusal = refusal
                    input.isFocused = refusal?.field == input.field
                    input.write(frame, to: &form)
                }
                frame.button(.changePassword, to: &form)
            }
        }
    }

    /// `2026-11-29 07:53 UTC`: the same in every language, since a page without script does not know the reader's zone.
    static func text(_ time: UnixMilliseconds) -> String {
        let text = machineText(time)
        return "\(text.prefix(10)) \(text.dropFirst(11).prefix(5)) UTC"
    }

    private static func machineText(_ time: UnixMilliseconds) -> String {
        var bytes: [UInt8] = []
        ISO8601.write(milliseconds: time, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }
}
