package import API

extension Setting {
    package var openAPIText: OpenAPIDocument.SettingText {
        OpenAPIDocument.SettingText(name: rawValue, flag: flag, defaultText: defaultText, summary: summary)
    }
}
