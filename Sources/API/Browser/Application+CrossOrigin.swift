import HTTP

extension Application {
    /// Adds the fields of the Fetch standard that every answer of such a path has, errors included.
    func addCrossOrigin(_ crossOrigin: CrossOrigin, _ response: inout Response) {
        response.addLines("Vary: Origin\r\n")
        guard let place = crossOrigin.place, let browser = shared.browser else { return }
        response.addLines(browser.originLines[place])
    }

    /// Answers a preflight with the methods and fields that the endpoint has.
    func addPreflight(_ request: borrowing Request, _ endpoint: Endpoint, _ response: inout Response) {
        guard request.fieldCount("access-control-request-method") > 0 else { return }
        let methods = endpoint.methods.named.map(\.rawValue).joined(separator: ", ")
        response.addField("Access-Control-Allow-Methods", methods.utf8)
        response.addLines("Access-Control-Allow-Headers: Authorization, Content-Type, If-Match, If-None-Match\r\n")
        response.addLines("Access-Control-Max-Age: 600\r\n")
    }
}
