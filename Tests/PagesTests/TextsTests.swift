import Testing

@testable import Pages

@Suite("Texts and languages of the pages")
struct TextsTests {
    @Test(arguments: PageLanguages.builtIn.all.map(\.tag))
    func `a built-in language has every text, with the places of English`(_ tag: String) throws {
        let texts = try #require(PageLanguages.builtIn.all.first { $0.tag == tag })
        let empty = PageTexts(tag: "xx", [:])
        for text in PageText.allCases {
            #expect(texts[text] != text.rawValue, "\(text) is missing")
            #expect(tag == "en" || texts[text] != empty[text] || text == .passwordsDiffer, "\(text) is English")
            for place in ["{name}", "{seconds}", "{count}"] {
                #expect(texts[text].contains(place) == PageTexts.english[text].contains(place), "\(text): \(place)")
            }
        }
    }

    static let fields: [(field: String, tag: String)] = [
        ("", "en"), ("de", "de"), ("DE", "de"), ("de-AT", "de"), ("de-Latn-CH-1996", "de"), ("fr", "en"),
        ("fr, de;q=0.5", "de"), ("en;q=0.5, de;q=0.9", "de"), ("de;q=0, en", "en"), ("de;q=0", "en"), ("*", "en"),
        ("fr;q=1, *;q=0.1", "en"), ("de;q=0.4, en;q=0.4", "de"), ("de;q=1.001, en;q=0.9", "de"), ("de;q=x, en", "en"),
        ("de;q=0.1234, en", "en"), ("e", "en"), ("de_AT", "en"), ("deutsch", "en"), (",,;;q=,", "en"),
        (" de ; q=0.8 , fr", "de"), ("de;q=", "en"), ("de;q=0.", "en"), ("de;q=0.001", "de"), ("d e", "en"),
        ("fr;q=0.9, de-;q=0.8, de;q=0.1", "de"), ("en;q=0.1, de;q=0.2;x=y", "de"), ("1de", "en"), ("de-12345678", "de"),
        ("de-123456789", "en"), ("\tde\t", "de"), (String(repeating: "fr,", count: 40) + "de", "en"),
    ]

    @Test(arguments: fields)
    func `the reader's list decides`(_ field: String, _ tag: String) {
        #expect(PageLanguages.builtIn.texts(for: field).tag == tag)
    }

    @Test func `a language that specifies the wanted one will do`() throws {
        let languages = try PageTextsFile.languages(Array(#"{"pt-BR":{"sign_in":"Entrar"}}"#.utf8))
        #expect(languages.texts(for: "pt").tag == "pt-BR")
        #expect(languages.texts(for: "pt-PT").tag == "pt-BR")
        #expect(languages.texts(for: "PT-br")[.signIn] == "Entrar")
    }

    @Test func `a file adds languages and replaces texts, and what it lacks is English or ours`() throws {
        let file = """
            {"ar": {"dir": "rtl", "sign_in": "دخول <b>"},
             "de": {"sign_in": "Einloggen"}, "en": {"account_title": "My account"}}
            """
        let languages = try PageTextsFile.languages(Array(file.utf8))
        #expect(languages.all.map(\.tag) == ["en", "de", "ar"])
        let arabic = languages.texts(for: "ar-EG")
        #expect(arabic.direction == .rightToLeft && arabic[.signIn] == "دخول <b>")
        #expect(arabic[.signOut] == "Sign out" && languages.texts(for: "de")[.signIn] == "Einloggen")
        #expect(languages.texts(for: "de")[.signOut] == "Abmelden")
        #expect(languages.texts(for: "")[.accountTitle] == "My account")
        #expect(languages.texts(for: "de").direction == .leftToRight)
    }

    static let mistakes: [(file: String, line: Int, reason: String)] = [
        ("[]", 1, "the file must be a JSON object"), ("\n\n{", 3, "the text ends within a value"),
        ("{\"fr\":\n {\"sign_inn\": \"x\"}}", 2, "there is no text with this key: sign_inn"),
        ("{\"fr\":\n\n {\"<b>sign_in</b>\": \"x\"}}", 3, "there is no text with this key"),
        ("{\"fr\": {\"sign_in\": \"x\",\n \"sign_in\": \"y\"}}", 2, "a member is repeated at byte 25"),
        ("{\"fr\": {\"sign_in\":\n 1}}", 2, "expected a text that is not empty"),
        ("{\"fr\": {\"sign_in\":\n \"\"}}", 2, "expected a text that is not empty"),
        ("{\"fr\": {\"dir\":\n \"down\"}}", 2, "expected ltr or rtl"),
        ("{\"fr\":\n \"x\"}", 2, "expected an object with the texts of the language"),
        ("{\n\"french language\": {}}", 2, "expected a language tag such as fr or pt-BR"),
        ("{\"sign_in\": \"Entrer\"}", 1, "expected a language tag such as fr or pt-BR"),
        ("{\"fr\": {\"sign_in\": [[[1]]]}}", 1, "values are nested too deeply"),
        ("{\"fr\": {\n\"sign_in\": \"\u{1}\"}}", 2, "unexpected character at byte 21"),
        ("{\"fr\": {},\n\"FR\": {}}", 2, "the language FR comes twice"),
        ("{\"de\": {},\n\"DE\": {}}", 2, "the language de comes twice"),
        (
            "{\"fr\": {\n\"too_many_attempts\": \"Attendez\"}}", 2,
            "the text too_many_attempts must contain {seconds} once"
        ),
        ("{\"fr\": {\"busy\": \"{secnds}\"}}", 1, "the text busy must contain {seconds} once"),
        ("{\"fr\": {\"busy\": \"{seconds} {count}\"}}", 1, "the text busy must contain {seconds} once"),
        ("{\"fr\": {\"busy\": \"{seconds} {seconds}\"}}", 1, "the text busy must contain {seconds} once"),
        ("{\"fr\": {\"sign_in\": \"{seconds}\"}}", 1, "the text sign_in must contain no {value}"),
    ]

    @Test(arguments: mistakes)
    func `a mistake is reported with its line`(_ file: String, _ line: Int, _ reason: String) {
        #expect(throws: PageTextsError(line: line, reason: reason)) {
            try PageTextsFile.languages(Array(file.utf8))
        }
    }

    @Test func `a file of more than 256 KiB, and more than 32 languages, are rejected`() {
        let large = #"{"fr":{"sign_in":"\#(String(repeating: "x", count: 262_144))"}}"#
        #expect(throws: PageTextsError(line: 1, reason: "the file is larger than 262144 bytes")) {
            try PageTextsFile.languages(Array(large.utf8))
        }
        let many = (0..<33).map {
            "\"a\(Character(UnicodeScalar(UInt8(97 + $0 % 26))))\($0 / 26 == 0 ? "" : "-x1")\":{}"
        }
        #expect(throws: PageTextsError(line: 1, reason: "there are more than 32 languages")) {
            try PageTextsFile.languages(Array("{\(many.joined(separator: ","))}".utf8))
        }
    }
}

extension PageLanguages {
    fileprivate func texts(for field: String) -> PageTexts { self[index(for: field.utf8.span)] }
}
