package import API

extension Setting {
    package var openAPIText: OpenAPIDocument.SettingText {
        OpenAPIDocument.SettingText(name: name, flag: flag, defaultText: defaultText, summary: summary)
    }
}
