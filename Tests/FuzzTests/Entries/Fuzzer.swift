/// One reader of strangers' octets, and what must hold whatever they are.
///
/// A run that returns is a good one: a trap is a crash of the process, and ``demand(_:_:)`` makes one of a broken promise.
struct Fuzzer: Sendable {
    /// Also of its folder in `corpus` and of its file in `dictionaries`.
    let name: String
    /// What one run is given at most.
    let byteCountMax: Int
    /// Makes the run, with scratch memory of its own that each call uses again.
    let make: @Sendable () -> ([UInt8]) -> Void

    /// A new fuzzer is a file beside this one and a line here.
    static let all: [Fuzzer] = [
        Fuzzer(name: "json", byteCountMax: 1_024, make: JSONFuzzer.make),
        Fuzzer(name: "jws", byteCountMax: 2_048, make: JWSFuzzer.make),
        Fuzzer(name: "claims", byteCountMax: 1_024, make: ClaimsFuzzer.make),
        Fuzzer(name: "jwk", byteCountMax: 2_048, make: JWKFuzzer.make),
        Fuzzer(name: "keyfile", byteCountMax: 2_048, make: KeyFileFuzzer.make),
        Fuzzer(name: "keyset", byteCountMax: 4_096, make: KeySetFuzzer.make),
        Fuzzer(name: "proxy", byteCountMax: 512, make: ProxyFuzzer.make),
        Fuzzer(name: "http1", byteCountMax: 2_048, make: HTTP1Fuzzer.make),
        Fuzzer(name: "http2", byteCountMax: 2_048, make: HTTP2Fuzzer.make),
        Fuzzer(name: "form", byteCountMax: 2_048, make: FormFuzzer.make),
        Fuzzer(name: "cookie", byteCountMax: 1_024, make: CookieFuzzer.make),
        Fuzzer(name: "page", byteCountMax: 1_024, make: PageFuzzer.make),
        Fuzzer(name: "base64url", byteCountMax: 512, make: Base64URLFuzzer.make),
        Fuzzer(name: "traceparent", byteCountMax: 128, make: TraceParentFuzzer.make),
        Fuzzer(name: "answer", byteCountMax: 2_048, make: AnswerFuzzer.make),
        Fuzzer(name: "address", byteCountMax: 256, make: WebAddressFuzzer.make),
        Fuzzer(name: "journal", byteCountMax: 256, make: JournalFuzzer.make),
        Fuzzer(name: "redis", byteCountMax: 1_024, make: RedisFuzzer.make),
    ]

    static func named(_ name: String) -> Fuzzer? { all.first { $0.name == name } }
}

/// Ends the process unless a promise holds, so that libFuzzer keeps the octets that broke it.
func demand(_ holds: Bool, _ promise: @autoclosure () -> String) {
    guard holds else { fatalError("broken: \(promise())") }
}
