/// Who may call an endpoint.
enum AccessRule: Sendable {
    /// Any client. The endpoint may accept credentials, but does not need them.
    case anyone
    /// A registered client that authenticates. The handler calls ``Application/authenticatedClient(_:_:)`` when it has read
    /// the content, which may have the credentials.
    case client
    /// A client with a token. The handler takes the token by ``RequestTokens``, also from the content, and the use case
    /// verifies it.
    case bearer
    /// A browser with an access cookie, or a client with a token. The path exists in browser mode only.
    case browser
    /// Anyone. The path exists in browser mode only.
    case pageFile
    /// Any browser. The path exists in browser mode only, and every answer is a page, errors included.
    case page
    /// A process on this host that may open a Unix socket of the operator. For every other caller the path does not exist.
    case operatorSocket

    /// Whether the path exists in browser mode only.
    var needsBrowserMode: Bool {
        switch self {
        case .browser, .pageFile, .page: true
        case .anyone, .client, .bearer, .operatorSocket: false
        }
    }
}
