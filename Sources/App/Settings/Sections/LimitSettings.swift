extension Setting {
    package static let threads = Setting("MARTLET_THREADS", .workers(1...256), default: "cores", "event loops")
    package static let connections = Setting(
        "MARTLET_CONNECTIONS", .number(1...1_000_000), default: "20000", "connections in all")
    package static let connectionsPerSource = Setting(
        "MARTLET_CONNECTIONS_PER_SOURCE", .number(0...1_000_000), default: "0",
        "connections from one address (IPv6: one /64)", note: "0 for no limit")
    package static let requestsPerConnection = Setting(
        "MARTLET_REQUESTS_PER_CONNECTION", .number(0...1_000_000_000), default: "1000000",
        "requests on one connection before it is closed", note: "0 for no limit")
    package static let bufferMemory = Setting(
        "MARTLET_BUFFER_MEMORY", .number(1...1_048_576), default: "256",
        "MiB of unfinished requests and unread responses in all")
    package static let http2Streams = Setting(
        "MARTLET_HTTP2_STREAMS", .number(0...1_000), default: "128", "requests at once on one HTTP/2 connection",
        note: "0 to speak HTTP/1.1 only")
    package static let tlsHandshakes = Setting(
        "MARTLET_TLS_HANDSHAKES", .number(1...1_000_000), default: "1024", "TLS handshakes in progress at once")
    package static let headTimeout = Setting(
        "MARTLET_HEAD_TIMEOUT", .time(1...600), default: "10s", "how long a request's head may take")
    package static let bodyTimeout = Setting(
        "MARTLET_BODY_TIMEOUT", .time(1...600), default: "10s", "how long a request's content may take")
    package static let idleTimeout = Setting(
        "MARTLET_IDLE_TIMEOUT", .time(1...3_600), default: "75s", "how long a connection may stay idle")
    package static let writeTimeout = Setting(
        "MARTLET_WRITE_TIMEOUT", .time(1...600), default: "10s", "how long a client may stop reading a response")
    package static let rateMin = Setting(
        "MARTLET_MIN_RATE", .number(0...1_000_000), default: "512",
        "bytes per second at which content must arrive and responses be read", note: "0 for no limit")
    package static let drainDelay = Setting(
        "MARTLET_DRAIN_DELAY", .time(0...300), default: "1s", "how long connections are still accepted at SIGTERM",
        note: "/readyz answers 503 meanwhile")
    package static let drainTimeout = Setting(
        "MARTLET_DRAIN_TIMEOUT", .time(1...600), default: "10s", "how long requests in progress may take at SIGTERM")
}

/// What one client, one connection and all of them together may use of the HTTP server.
package struct LimitSettings: Sendable {
    static let settings: [Setting] = [
        .threads, .connections, .connectionsPerSource, .requestsPerConnection, .bufferMemory, .http2Streams,
        .tlsHandshakes, .headTimeout, .bodyTimeout, .idleTimeout, .writeTimeout, .rateMin, .drainDelay, .drainTimeout,
    ]

    package let threads: Int
    package let connections: Int
    package let connectionsPerSource: Int
    package let requestsPerConnection: Int
    /// Bytes.
    package let bufferMemory: Int
    package let http2Streams: Int
    package let tlsHandshakes: Int
    /// Seconds, like all times here.
    package let headTimeout: Int64
    package let bodyTimeout: Int64
    package let idleTimeout: Int64
    package let writeTimeout: Int64
    /// Bytes per second.
    package let rateMin: Int
    package let drainDelay: Int64
    package let drainTimeout: Int64

    init(_ reader: inout SettingsReader, cores: Int) {
        threads = reader.workers(.threads, cores: cores)
        connections = reader.number(.connections)
        connectionsPerSource = reader.number(.connectionsPerSource)
        requestsPerConnection = reader.number(.requestsPerConnection)
        bufferMemory = reader.number(.bufferMemory) << 20
        http2Streams = reader.number(.http2Streams)
        tlsHandshakes = reader.number(.tlsHandshakes)
        headTimeout = reader.seconds(.headTimeout)
        bodyTimeout = reader.seconds(.bodyTimeout)
        idleTimeout = reader.seconds(.idleTimeout)
        writeTimeout = reader.seconds(.writeTimeout)
        rateMin = reader.number(.rateMin)
        drainDelay = reader.seconds(.drainDelay)
        drainTimeout = reader.seconds(.drainTimeout)
    }
}
