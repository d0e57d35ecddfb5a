package import Accounts
package import HTTP
import JOSE
import Keys
package import Service
package import Telemetry
import Tokens

/// Everything that is wrong with the settings, one sentence each.
package struct ConfigurationError: Error, Equatable, Sendable {
    package let mistakes: [String]

    package init(mistakes: [String]) {
        self.mistakes = mistakes
    }
}

/// The settings, read once: the only reader of the environment.
package struct Configuration: Sendable {
    package let listen: [ListenAddressSpec]
    package let operatorListen: [ListenAddressSpec]
    /// What secure addresses show.
    package let tls: TLSFiles?
    package let authState: AuthSettings
    package let statePath: String
    /// Where the high-water mark of the journal lies; nil for the usual places.
    package let seenPath: String?
    /// Seconds.
    package let lockWait: Int64
    package let keysPath: String
    let keySchedule: KeySchedule
    package let usersPath: String
    package let clientsPath: String
    /// Milliseconds.
    package let refreshGrace: Int64
    package let threads: Int
    package let hashWorkers: Int
    package let hashQueue: Int
    /// Bytes that the control group allows the process; nil for no limit.
    let memoryLimit: Int?
    package let argon2: Argon2Parameters
    package let loginAccountFailures: Int
    package let loginSourceFailures: Int
    package let connections: Int
    package let connectionsPerSource: Int
    package let requestsPerConnection: Int
    /// Octets.
    package let bufferMemory: Int
    package let http2Streams: Int
    package let tlsHandshakes: Int
    /// Which peers are proxies, and what of their word counts.
    package let trust: ProxyTrust
    /// The path of the socket for a successor; nil for none.
    package let handoverPath: String?
    /// Seconds.
    package let headTimeout: Int64
    package let bodyTimeout: Int64
    package let idleTimeout: Int64
    package let writeTimeout: Int64
    /// Octets a second.
    package let rateMin: Int
    package let drainDelay: Int64
    package let drainTimeout: Int64
    package let logForm: Log.Form
    package let logLevel: Log.Level
    /// Nil while there is none.
    package let accessLog: AccessLogTarget?
    /// 0 to 1.
    package let accessLogShare: Double
    /// Names of variables that Kubernetes sets for a Service named martlet; they are no settings.
    package let serviceLinks: [String]

    /// - Parameters:
    ///   - environment: settings by name; names that do not begin with `MARTLET_` are ignored.
    ///   - cores: what the word `cores` stands for.
    ///   - memoryLimit: bytes that the process may use; nil for no limit.
    ///   - selfSigned: whether every TCP address of the service speaks TLS with a certificate made for it.
    package init(
        environment: [String: String], cores: Int, memoryLimit: Int? = nil, selfSigned: Bool = false
    ) throws(ConfigurationError) {
        var reader = SettingsReader(environment)
        let listen = ListenAddressSpec.read(.listen, &reader, mayBeEmpty: false)
        self.listen = selfSigned ? listen.map(\.secured) : listen
        operatorListen = ListenAddressSpec.read(.operatorListen, &reader, mayBeEmpty: true)
        ListenAddressSpec.checkDistinct(listen, operatorListen, &reader)
        trust = Self.trust(&reader, listen, operatorListen)
        handoverPath = Self.handoverPath(&reader)
        tls = Self.tls(&reader, isWanted: (self.listen + operatorListen).contains(where: \.isSecure), selfSigned)
        authState = Self.authState(&reader)
        statePath = reader.path(.state)
        seenPath = Self.seenPath(&reader)
        lockWait = reader.seconds(.lockWait, within: 0...StateLock.waitMax)
        keysPath = reader.path(.keys)
        keySchedule = Self.keySchedule(&reader, authState)
        usersPath = reader.path(.users)
        clientsPath = reader.path(.clients)
        refreshGrace = reader.seconds(.refreshGrace, within: 0...TokenLimits.standard.refreshGraceMax) * 1_000
        threads = reader.workers(.threads, cores: cores)
        hashWorkers = reader.workers(.hashWorkers, cores: cores)
        hashQueue = reader.number(.hashQueue, within: 1...65_536)
        self.memoryLimit = memoryLimit
        argon2 = Self.argon2(&reader)
        loginAccountFailures = reader.number(.loginAccountFailures, within: 0...1_000_000)
        loginSourceFailures = reader.number(.loginSourceFailures, within: 0...1_000_000)
        connections = reader.number(.connections, within: 1...1_000_000)
        connectionsPerSource = reader.number(.connectionsPerSource, within: 0...1_000_000)
        requestsPerConnection = reader.number(.requestsPerConnection, within: 0...1_000_000_000)
        bufferMemory = reader.number(.bufferMemory, within: 1...1_048_576) << 20
        http2Streams = reader.number(.http2Streams, within: 0...1_000)
        tlsHandshakes = reader.number(.tlsHandshakes, within: 1...1_000_000)
        headTimeout = reader.seconds(.headTimeout, within: 1...600)
        bodyTimeout = reader.seconds(.bodyTimeout, within: 1...600)
        idleTimeout = reader.seconds(.idleTimeout, within: 1...3_600)
        writeTimeout = reader.seconds(.writeTimeout, within: 1...600)
        rateMin = reader.number(.rateMin, within: 0...1_000_000)
        drainDelay = reader.seconds(.drainDelay, within: 0...300)
        drainTimeout = reader.seconds(.drainTimeout, within: 1...600)
        logForm = reader.choice(.log, Log.Form.init(rawValue:), expected: "json or text", otherwise: .json)
        logLevel = reader.choice(
            .logLevel, { text in Log.Level.allCases.first { "\($0.name)" == text } },
            expected: "debug, info, warning or error", otherwise: .info)
        accessLog = AccessLogTarget.read(&reader)
        accessLogShare = reader.share(.accessLogSample)
        serviceLinks = reader.serviceLinks
        guard reader.mistakes.isEmpty else { throw ConfigurationError(mistakes: reader.mistakes) }
    }

    private static func tls(_ reader: inout SettingsReader, isWanted: Bool, _ selfSigned: Bool) -> TLSFiles? {
        let certificate = reader.text(.tlsCertificate)
        let key = reader.text(.tlsKey)
        let authorities = reader.text(.tlsClientAuthorities)
        let clients = authorities.isEmpty ? nil : authorities
        let speaksHTTP2 = reader.text(.http2Streams) != "0"
        if selfSigned {
            for setting in [Setting.tlsCertificate, .tlsKey] where !reader.text(setting).isEmpty {
                reader.complain(setting, "empty, as --dev-tls wants it")
            }
            return .selfSigned(
                in: reader.text(.state), clientAuthoritiesPath: clients, speaksHTTP2: speaksHTTP2)
        }
        for setting in [Setting.tlsCertificate, .tlsKey, .tlsClientAuthorities] {
            let isSet = !reader.text(setting).isEmpty
            if isSet, !isWanted { reader.complain(setting, "of use: no address has https:// in front") }
            if !isSet, isWanted, setting != .tlsClientAuthorities {
                reader.complain(setting, "a path, which an address with https:// needs")
            }
        }
        guard isWanted else { return nil }
        return TLSFiles(
            certificatePath: certificate, keyPath: key, clientAuthoritiesPath: clients, speaksHTTP2: speaksHTTP2)
    }

    private static func trust(
        _ reader: inout SettingsReader, _ listen: [ListenAddressSpec], _ operatorListen: [ListenAddressSpec]
    ) -> ProxyTrust {
        let texts = reader.list(.trustedProxies)
        let ranges = texts.compactMap { AddressRange($0) }
        if ranges.count != texts.count {
            reader.complain(
                .trustedProxies,
                "a list of addresses, of blocks such as 10.0.0.0/8 without bits behind the prefix, or unix")
        }
        if texts.isEmpty, listen.contains(where: \.usesProxyProtocol) {
            reader.complain(.trustedProxies, "a list, which an address with proxy+ needs")
        }
        if operatorListen.contains(where: \.usesProxyProtocol) {
            reader.complain(.operatorListen, "free of proxy+, which only MARTLET_LISTEN has")
        }
        let field = reader.choice(
            .forwardedField, ProxyTrust.Field.init(rawValue:), expected: "x-forwarded-for, forwarded or either",
            otherwise: .either)
        return ProxyTrust(ranges, field: field)
    }

    private static func handoverPath(_ reader: inout SettingsReader) -> String? {
        let path = reader.text(.handover)
        guard !path.isEmpty else { return nil }
        if path.utf8.count >= 108 || path.utf8.contains(0) {
            reader.complain(.handover, "a path of at most 107 octets")
        }
        return path
    }

    private static func seenPath(_ reader: inout SettingsReader) -> String? {
        let path = reader.text(.seen)
        guard !path.isEmpty else { return nil }
        if path.hasSuffix("/") || path.utf8.contains(0) { reader.complain(.seen, "the path of a file") }
        return path
    }

    private static func authState(_ reader: inout SettingsReader) -> AuthSettings {
        let issuer = reader.text(.issuer)
        if !isIssuer(issuer) {
            reader.complain(.issuer, "an https URL without query and fragment (http is taken for loopback only)")
        }
        let audiences = reader.list(.audience)
        if audiences.isEmpty || !audiences.allSatisfy(isAudience) || Set(audiences).count != audiences.count {
            reader.complain(
                .audience, "a comma-separated list of different names without spaces, quotes or control characters")
        }
        let shared = reader.list(.sharedSecretAudiences)
        if !shared.allSatisfy(audiences.contains) { reader.complain(.sharedSecretAudiences, "among MARTLET_AUDIENCE") }
        let algorithm = reader.choice(
            .algorithm, Algorithm.init(rawValue:), expected: "one of \(Algorithm.names)", otherwise: .rs256)
        let claims = reader.list(.claims)
        if claims.contains(where: { User.reservedClaims.contains($0) }) {
            reader.complain(.claims, "free of the names that Martlet sets itself")
        }
        let sessionMax = reader.seconds(.sessionMax, within: TokenLimits.standard.sessionLifetime)
        return AuthSettings(
            issuer: issuer, audiences: audiences.isEmpty ? ["api"] : audiences, algorithm: algorithm,
            sharedSecretAudiences: Set(shared), extraClaims: Set(claims),
            accessLifetime: reader.seconds(.accessLifetime, within: TokenLimits.standard.accessLifetime),
            refreshIdle: reader.seconds(.refreshIdle, within: TokenLimits.standard.sessionLifetime), sessionMax: sessionMax,
            leeway: reader.seconds(.leeway, within: 0...TokenLimits.standard.leewayMax),
            // Half the time that a new key is published before it signs: nobody meets a key that their copy lacks (C9).
            keySetMaxAge: min(300, (TimeSpan.seconds(reader.text(.keyLead)) ?? 2) / 2))
    }

    /// Milliseconds that a new key is published before it signs.
    package var keyLead: Int64 { keySchedule.lead }

    /// A time as settings spell it, in milliseconds.
    package static func milliseconds(_ text: String) -> Int64? {
        TimeSpan.seconds(text).flatMap { $0 <= Int64.max / 1_000 ? $0 * 1_000 : nil }
    }

    private static func keySchedule(_ reader: inout SettingsReader, _ authState: AuthSettings) -> KeySchedule {
        let lead = reader.seconds(.keyLead, within: 2...604_800)
        let period = reader.seconds(.keyRotation, within: 0...34_560_000)
        if period != 0, period < 2 * lead {
            reader.complain(.keyRotation, "0s, or at least twice MARTLET_KEY_LEAD")
        }
        return KeySchedule(
            period: period * 1_000, lead: lead * 1_000, retention: KeyRetention(refreshIdle: authState.refreshIdle))
    }

    private static func argon2(_ reader: inout SettingsReader) -> Argon2Parameters {
        let memory = reader.number(.argon2Memory, within: 7_168...Argon2Parameters.memoryKiBMax)
        let passes = reader.number(.argon2Passes, within: 1...64)
        let lanes = reader.number(.argon2Lanes, within: 1...Argon2Parameters.lanesMax)
        guard let parameters = Argon2Parameters(memoryKiB: memory, passes: passes, lanes: lanes), parameters.isAdequate
        else {
            reader.complain(
                .argon2Memory,
                "right for these passes and lanes: 19456 KiB for 2 passes, 12288 for 3, 9216 for 4, 7168 for 5 or more")
            return .standard
        }
        return parameters
    }

    /// RFC 8414 §2; plain http is for tests on loopback.
    static func isIssuer(_ text: String) -> Bool {
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != 0x22 && $0 != 0x5c }) else { return false }
        guard !text.contains("?"), !text.contains("#"), text.utf8.count <= 256 else { return false }
        if text.hasPrefix("https://") { return text.utf8.count > 8 }
        let hosts = ["http://127.0.0.1", "http://localhost", "http://[::1]"]
        return hosts.contains { text == $0 || text.hasPrefix($0 + ":") || text.hasPrefix($0 + "/") }
    }

    private static func isAudience(_ text: String) -> Bool {
        text.utf8.count <= 256 && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != 0x22 && $0 != 0x5c }
    }
}
