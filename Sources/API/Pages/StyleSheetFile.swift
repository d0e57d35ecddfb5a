import HTTP
import Pages

extension Application {
    /// `GET /pages/{sheet}`: a style sheet, which caches keep for a year if its name is that of the current content.
    func styleSheet(_ request: borrowing Request, _ response: inout Response, _ call: Call) throws(Problem) {
        try Query.refuseAny(request)
        guard let browser = shared.browser, let file = call.parameters?["sheet"],
            let sheet = browser.pages.sheets.first(where: { $0.isNamed(file).isNamed })
        else { throw Problem(.notFound) }
        response.addField("ETag", sheet.etag.utf8)
        response.addLines(
            sheet.isNamed(file).isExact
                ? "Cache-Control: public, max-age=31536000, immutable\r\n" : "Cache-Control: no-cache\r\n")
        if let value = request.field("if-none-match"), Self.matches(request.text(value), Array(sheet.etag.utf8)) {
            response.status = 304
            return
        }
        response.addLines("Content-Type: text/css; charset=utf-8\r\n")
        response.body.append(contentsOf: sheet.content)
    }
}
