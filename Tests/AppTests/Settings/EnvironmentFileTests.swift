@testable import App
import Testing

@Suite("MARTLET_ENV_FILE")
struct EnvironmentFileTests {
    private func values(_ text: String) throws(StartError) -> [String: String] {
        try EnvironmentFile.values(of: text, "file")
    }

    @Test func `reads names, values, comments and quotes`() throws {
        let text = "# c\n; d\n\n A=1 \nB= 'x # y'\r\nC=\"a=b\"\nD=\nMARTLET_ISSUER=https://a.example\n"
        #expect(
            try values(text) == [
                "A": "1", "B": "x # y", "C": "a=b", "D": "", "MARTLET_ISSUER": "https://a.example",
            ])
    }

    @Test(arguments: [
        ("A", 1), ("\nexport A=1", 2), ("1A=1", 1), ("A=1\nA=2", 2), ("A='x", 1), ("A='x' y", 1), ("A='x'y'", 1),
        ("A=1\\\nB=2", 1), ("# \\\nA=\"a\\\"b\"", 2),
        ("=1", 1),
        ("MARTLET_ENV_FILE=x", 1),
    ])
    func `names the line of a mistake`(_ text: String, _ line: Int) throws {
        let fault = #expect(throws: StartError.self) { try values(text) }
        #expect(fault?.description.hasPrefix("file:\(line): expected ") == true)
    }
}

@Suite("Variables of a Kubernetes Service")
struct ServiceLinkTests {
    @Test(arguments: [
        ("MARTLET_SERVICE_HOST", "10.96.0.7"), ("MARTLET_SERVICE_HOST", "fd00::7"), ("MARTLET_SERVICE_PORT", "8080"),
        ("MARTLET_SERVICE_PORT_HTTP", "8080"), ("MARTLET_SERVICE_PORT_HTTP_ALT", "80"),
        ("MARTLET_PORT", "tcp://10.96.0.7:8080"), ("MARTLET_PORT", "udp://[fd00::7]:53"),
        ("MARTLET_PORT_8080_TCP", "tcp://10.96.0.7:8080"), ("MARTLET_PORT_8080_TCP_PROTO", "tcp"),
        ("MARTLET_PORT_8080_TCP_PORT", "8080"), ("MARTLET_PORT_8080_TCP_ADDR", "10.96.0.7"),
        ("MARTLET_OPERATOR_SERVICE_HOST", "10.96.0.8"), ("MARTLET_OPERATOR_PORT", "tcp://10.96.0.8:8081"),
        ("MARTLET_A_B_PORT_53_UDP_ADDR", "10.0.0.1"),
    ])
    func `are recognized by name and value`(_ name: String, _ value: String) throws {
        #expect(ServiceLink.isOne(name, value))
        let configuration = try Configuration(environment: [name: value], cores: 1)
        #expect(configuration.serviceLinks == [name])
    }

    @Test(arguments: [
        ("MARTLET_PORT", "8080"), ("MARTLET_PORT", "http://10.0.0.1:80"), ("MARTLET_PORT", "tcp://host:80"),
        ("MARTLET_SERVICE_HOST", "auth"), ("MARTLET_SERVICE_PORT", "x"), ("MARTLET_SERVICE_PORT", "99999"),
        ("MARTLET_ACESS_TTL", "5m"), ("MARTLET_PORT_8080_TCP_ADDR_X", "10.0.0.1"),
        ("MARTLET__PORT", "tcp://10.0.0.1:80"),
        ("MARTLET_PORT_8080_SSH", "tcp://10.0.0.1:80"), ("MARTLET_SERVICE", "10.0.0.1"),
    ])
    func `are told from settings that are misspelled`(_ name: String, _ value: String) {
        #expect(!ServiceLink.isOne(name, value))
        let fault = #expect(throws: ConfigurationError.self) { try Configuration(environment: [name: value], cores: 1) }
        #expect(fault?.mistakes.count == 1 && fault?.mistakes[0].hasPrefix("\(name): there is no such setting") == true)
    }
}
