import App
import Glibc
import HTTP
import HTTPServer

/// Implements `martlet healthcheck`: sends one request to a configured listener, for containers without curl.
enum HealthcheckCommand {
    static let usage = """
        usage: martlet healthcheck [--listen ADDRESS]

        Checks that the running service answers within 5 seconds: /healthz at the first address of
        MARTLET_LISTEN that this command can reach, or else /livez at the first such address of
        MARTLET_OPERATOR_LISTEN. It cannot reach inherited sockets (fd:name), port 0, addresses with proxy+
        unless MARTLET_TRUSTED_PROXIES covers this machine, and, with
            MARTLET_TLS_CLIENT_CA, addresses with TLS.
        --listen ADDRESS uses only this address of the service. Over TLS, the command sends no certificate
            and checks none.
        Exit code: 0 if the answer is 200, 1 if not, 2 if there is no address to ask.

        """

    static func run(_ words: [String]) -> Int32 {
        Verb.run("healthcheck", usage: usage) { () throws(CommandError) in
            let arguments = try Arguments.parse(words, options: [.value(Setting.listen.flag)])
            let target = try HealthTarget.chosen(arguments.value(Setting.listen.flag), Environment.values)
            let answer: String
            do throws(ProbeError) {
                answer = try Probe.ask(target.address, path: target.path, secondsMax: 5)
            } catch {
                throw .refused("\(target.text): \(error)")
            }
            guard answer.hasPrefix("HTTP/1.1 200 ") else {
                throw .refused("\(target.text): the answer is \(Printable.short(answer, count: 40)), not 200")
            }
        }
    }
}

/// The listener and the path of a health check.
struct HealthTarget: Equatable {
    let address: ListenAddressSpec
    let path: String
    /// The text on the command line.
    let text: String

    static func chosen(_ named: String?, _ settings: [String: String]) throws(CommandError) -> HealthTarget {
        if let named {
            guard let address = ListenAddressSpec(first: named) else {
                throw .usage("--listen: «\(Printable.short(named))» is not an address")
            }
            return HealthTarget(address: address, path: "/healthz", text: Printable.short(named))
        }
        let ranges = Setting.trustedProxies.list(in: settings).compactMap { AddressRange($0) }
        let trust = ProxyTrust(ranges)
        let needsCertificate = !Setting.tlsClientAuthorities.text(in: settings).isEmpty
        for (setting, path) in [(Setting.listen, "/healthz"), (.operatorListen, "/livez")] {
            for text in setting.list(in: settings) {
                guard let address = ListenAddressSpec(text) else {
                    throw .usage("\(setting.name): «\(Printable.short(text))» is not an address")
                }
                guard canAsk(address, trust, needsCertificate) else { continue }
                return HealthTarget(address: address, path: path, text: Printable.short(text))
            }
        }
        throw .usage(
            "this command can reach none of the addresses. Give the service another one, such as "
                + "unix:/run/martlet/operator.sock in MARTLET_OPERATOR_LISTEN")
    }

    private static func canAsk(_ address: ListenAddressSpec, _ trust: ProxyTrust, _ needsCertificate: Bool) -> Bool {
        if address.isSecure, needsCertificate { return false }
        switch address.place {
        case .inherited: return false
        case .unix: return !address.usesProxyProtocol || trust.covers(.local)
        case .tcp(let host, let port):
            guard port != 0 else { return false }
            guard address.usesProxyProtocol else { return true }
            // From the view of the service, the request comes from the address that it is sent to.
            let peer = PeerAddress(text: Array(Probe.reachable(host).utf8).span)
            return peer.map(trust.covers) ?? false
        }
    }
}
