import HTTP

extension Application {
    /// Where a browser gets a session and comes back, as an absolute URL; nil if the request is no navigation, or if its
    /// origin is not known.
    ///
    /// The gateway names the origin, so it counts only from a trusted proxy and only if it is in the list.
    func signInLocation(
        _ request: borrowing Request, _ options: GatewayOptions, _ remedy: GatewayRefusal.Remedy, _ call: Call
    ) -> String? {
        guard options.signIn != nil, remedy != .none, let browser = shared.browser, Navigation.isOne(request),
            request.fieldCount("sec-websocket-key") == 0, clientMethod(request, options.gateway, call) == .get,
            let gateway = options.gateway
        else { return nil }
        guard let target = gateway.targets(request).first(where: { browser.originTexts.contains($0.origin) }) else {
            return nil
        }
        let address = browser.returnAddress(target.path)
        switch remedy {
        case .none: return nil
        case .refresh: return target.origin + browser.refreshPath(address)
        case .password(let ageMax): return target.origin + browser.signInPath(address, ageMax: ageMax)
        }
    }

    /// Whether a browser asks if a page of another origin may send a request. It never sends credentials with it.
    func isPreflight(_ request: borrowing Request, _ options: GatewayOptions, _ call: Call) -> Bool {
        options.passesPreflight && request.fieldCount("access-control-request-method") == 1
            && request.fieldCount("origin") == 1 && request.fieldCount("authorization") == 0
            && clientMethod(request, options.gateway, call) == .options
    }
}
