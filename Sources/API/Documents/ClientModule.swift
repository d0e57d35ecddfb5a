/// The module that pages import, `clients/js/martlet.js`.
package enum ClientModule {
    static let document = CachedDocument(
        Array(text.utf8), contentType: "Content-Type: text/javascript; charset=utf-8\r\n", cacheControl: "no-cache")
}
