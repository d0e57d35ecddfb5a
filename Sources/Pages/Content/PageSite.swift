/// What all pages of a service share.
package struct PageSite: Sendable {
    /// The name that pages show.
    package let name: String
    /// The path under which browsers find the service, without a slash at its end; empty for the root.
    package let publicPath: String
    package let languages: PageLanguages
    /// In the order in which they apply.
    package let sheets: [StyleSheet]

    /// - Parameters:
    ///   - style: a style sheet of the house.
    ///   - replacesStyle: whether that sheet is the only one, or follows ours.
    package init(
        name: String = "Martlet", publicPath: String = "", languages: PageLanguages = .builtIn, style: [UInt8]? = nil,
        replacesStyle: Bool = false
    ) {
        self.name = name
        self.publicPath = publicPath
        self.languages = languages
        let own = style.map { StyleSheet(stem: "house", content: $0) }
        sheets = (replacesStyle && own != nil ? [] : [.layout, .theme]) + (own.map { [$0] } ?? [])
    }

    package func path(_ path: StaticString, query: [(name: StaticString, value: String)] = []) -> PagePath {
        PagePath(under: publicPath, path, query: query)
    }
}
