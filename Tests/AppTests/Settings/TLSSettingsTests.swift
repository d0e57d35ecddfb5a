@testable import App
import Testing

@Suite("TLS settings")
struct TLSSettingsTests {
    private static let pair = ["MARTLET_TLS_CERT": "a.crt", "MARTLET_TLS_KEY": "a.key"]

    private func read(_ environment: [String: String], selfSigned: Bool = false) throws(ConfigurationError)
        -> Configuration
    {
        try Configuration(environment: environment, cores: 1, selfSigned: selfSigned)
    }

    private func names(_ environment: [String: String], selfSigned: Bool = false) -> [String] {
        do {
            _ = try read(environment, selfSigned: selfSigned)
            return []
        } catch {
            return error.mistakes.map { String($0.prefix { $0 != ":" }) }
        }
    }

    @Test(arguments: [
        ("https://127.0.0.1:8443", ListenAddressSpec.tls(host: "127.0.0.1", port: 8443)),
        ("https://[::1]:0", .tls(host: "::1", port: 0)),
        ("127.0.0.1:443", .tcp(host: "127.0.0.1", port: 443)),
    ])
    func `https in front is TLS`(_ text: String, _ expected: ListenAddressSpec) {
        #expect(ListenAddressSpec(text) == expected)
    }

    @Test(arguments: ["https://", "https://x", "https://unix:/x", "http://x:1", "https://https://x:1", "HTTPS://::1:1"])
    func `other schemes and doubled ones are no addresses`(_ text: String) {
        #expect(ListenAddressSpec(text) == nil)
    }

    @Test func `a secure address needs a certificate and a key, on both listeners`() throws {
        for name in ["MARTLET_LISTEN", "MARTLET_OPERATOR_LISTEN"] {
            #expect(names([name: "https://127.0.0.1:1"]) == ["MARTLET_TLS_CERT", "MARTLET_TLS_KEY"])
            let files = try read(Self.pair.merging([name: "https://127.0.0.1:1"]) { $1 }).tls.files
            #expect(files == TLSFiles(certificatePath: "a.crt", keyPath: "a.key", clientAuthoritiesPath: nil))
        }
    }

    @Test func `what no address uses is a mistake`() {
        let all = Self.pair.merging(["MARTLET_TLS_CLIENT_CA": "ca"]) { $1 }
        #expect(names(all) == ["MARTLET_TLS_CERT", "MARTLET_TLS_KEY", "MARTLET_TLS_CLIENT_CA"])
    }

    @Test func `a self-signed pair lies in the state's directory and serves every TCP address of the service`() throws {
        let found = try read(["MARTLET_LISTEN": "127.0.0.1:1,unix:/x", "MARTLET_STATE": "s"], selfSigned: true)
        #expect(found.listen.addresses == [.tls(host: "127.0.0.1", port: 1), .unix(path: "/x")])
        #expect(found.listen.operatorAddresses.allSatisfy { !$0.isSecure })
        #expect(found.tls.files == .selfSigned(in: "s", clientAuthoritiesPath: nil))
        #expect(names(Self.pair, selfSigned: true) == ["MARTLET_TLS_CERT", "MARTLET_TLS_KEY"])
    }
}
