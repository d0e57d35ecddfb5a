// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableExperimentalFeature("Lifetimes"),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
]

let testing: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableExperimentalFeature("Lifetimes"),
    .treatAllWarnings(as: .error),
]

/// A target of ours: what it may import is what stands here, and nothing else (docs/architecture.md, TidyTests).
func layer(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies + ["TestForm"], swiftSettings: testing)
}

let package = Package(
    name: "martlet",
    targets: [
        // Top to bottom is the way of a request.
        .executableTarget(
            name: "martlet",
            dependencies: [
                "App", "HTTPServer", "HTTP", "API", "Service", "Accounts", "Tokens", "Keys", "JOSE", "Revocation",
                "Journal", "Following", "Store", "Redis", "Postgres", "Telemetry", "HTTPClient", "OpenSSL", "Encoding",
                "Platform", "CLinux",
            ],
            swiftSettings: strict
        ),
        layer(
            "App",
            [
                "HTTP", "API", "Pages", "Service", "Accounts", "Tokens", "Keys", "JOSE", "Revocation", "Journal",
                "Store", "Telemetry", "OpenSSL", "Encoding", "Platform", "CLinux",
            ]),
        layer("HTTPServer", ["HTTP", "Telemetry", "OpenSSL", "Encoding", "Platform", "CLinux", "CNgHTTP2"]),
        layer(
            "API",
            [
                "HTTP", "Pages", "Service", "Accounts", "Tokens", "Keys", "JOSE", "Revocation", "Telemetry", "Encoding",
                "Platform",
            ]),
        layer("Pages", ["Encoding", "Platform"]),
        layer("HTTP", ["Encoding"]),
        layer("Service", ["Accounts", "Tokens", "Keys", "JOSE", "Revocation", "Telemetry", "Encoding", "Platform"]),
        layer(
            "Following",
            ["HTTPClient", "Revocation", "Journal", "Telemetry", "JOSE", "OpenSSL", "Encoding", "Platform"]),
        layer("Store", ["Revocation", "Journal", "Telemetry", "Encoding", "Platform"]),
        layer("Redis", ["Store", "Revocation", "Journal", "OpenSSL", "Encoding", "Platform", "CHiredis"]),
        layer("Postgres", ["Store", "Revocation", "Journal", "Encoding", "Platform", "CPostgres"]),
        layer("Accounts", ["OpenSSL", "Encoding", "Platform", "CArgon2", "CCrypt", "CLinux"]),
        layer("Revocation", ["Journal", "Tokens", "OpenSSL", "Encoding", "Platform"]),
        layer("Tokens", ["Keys", "JOSE", "OpenSSL", "Encoding", "Platform"]),
        layer("Keys", ["JOSE", "OpenSSL", "Encoding", "Platform", "CLinux"]),
        layer("JOSE", ["OpenSSL", "Encoding", "Platform"]),
        layer("Journal", ["Encoding", "Platform", "CLinux"]),
        layer("Telemetry", ["Encoding", "Platform"]),
        layer("HTTPClient", ["OpenSSL", "Encoding", "Platform"]),
        layer("OpenSSL", ["COpenSSL", "Encoding", "Platform"]),
        layer("Encoding", ["Platform", "CBase64", "CChecksum"]),
        layer("Platform", ["CLinux"]),

        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CArgon2", providers: [.apt(["libargon2-dev"])]),
        .systemLibrary(name: "CCrypt", providers: [.apt(["libcrypt-dev"])]),
        .systemLibrary(name: "CNgHTTP2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
        // Declares what hiredis shares with its user; the library itself is loaded only by a server that needs it.
        .systemLibrary(name: "CHiredis"),
        .target(name: "CLinux"),
        .target(name: "CBase64"),
        .target(name: "CChecksum"),
        .target(name: "CPostgres"),

        // Drives the real journal over a disk that fails by a seed; optimised, so that many seeds fit into a test run.
        .executableTarget(
            name: "simulate", dependencies: ["Revocation", "Journal", "Encoding", "Platform"], path: "Tests/Simulator",
            swiftSettings: testing),

        .target(name: "TestForm", path: "Tests/TestForm", swiftSettings: testing),
        // Suites that every ledger and every engine must pass, and the model of an engine.
        .target(
            name: "StoreTestSupport", dependencies: ["Store", "Revocation", "Journal", "Encoding", "Platform"],
            path: "Tests/StoreTestSupport", swiftSettings: testing),
        tests("PlatformTests", ["Encoding", "Platform"]),
        tests("EncodingTests", ["Encoding", "Platform"]),
        tests("OpenSSLTests", ["OpenSSL", "Encoding", "Platform"]),
        tests("HTTPClientTests", ["HTTPClient", "Encoding", "Platform"]),
        tests("TokensTests", ["Tokens", "Keys", "JOSE", "OpenSSL", "Encoding", "Platform"]),
        tests("JournalTests", ["Journal", "Encoding", "Platform"]),
        tests(
            "RevocationTests",
            ["StoreTestSupport", "Revocation", "Journal", "Tokens", "Keys", "JOSE", "Encoding", "Platform"]),
        tests("StoreTests", ["StoreTestSupport", "Store", "Revocation", "Journal", "Encoding", "Platform"]),
        tests(
            "FollowingTests",
            [
                "Following", "HTTPClient", "Revocation", "Journal", "Telemetry", "JOSE", "OpenSSL", "Encoding",
                "Platform",
            ]),
        tests(
            "RedisTests",
            ["StoreTestSupport", "Redis", "Store", "Revocation", "Journal", "OpenSSL", "Encoding", "Platform"]),
        tests(
            "PostgresTests", ["StoreTestSupport", "Postgres", "Store", "Revocation", "Journal", "Encoding", "Platform"]),
        tests("AccountsTests", ["Accounts", "OpenSSL", "Encoding", "Platform"]),
        tests("TelemetryTests", ["Telemetry", "Encoding", "Platform"]),
        tests("HTTPTests", ["HTTP", "Encoding", "Platform"]),
        tests("PagesTests", ["Pages", "Encoding", "Platform"]),
        tests("HTTPServerTests", ["HTTPServer", "HTTP", "Telemetry", "OpenSSL", "Encoding", "Platform"]),
        tests(
            "ServiceTests",
            [
                "Service", "Tokens", "Keys", "JOSE", "Revocation", "Accounts", "Telemetry", "OpenSSL", "Encoding",
                "Platform",
            ]),
        tests(
            "APITests",
            [
                "API", "Pages", "HTTP", "Service", "Accounts", "Revocation", "Tokens", "Keys", "JOSE", "Journal",
                "Telemetry", "OpenSSL", "Encoding", "Platform",
            ]),
        tests(
            "AppTests",
            [
                "App", "Service", "Accounts", "Tokens", "Keys", "JOSE", "Revocation", "Journal", "Store", "Telemetry",
                "OpenSSL", "Encoding", "Platform",
            ]),
        tests(
            "MartletTests",
            ["martlet", "App", "Accounts", "HTTPClient", "Tokens", "Keys", "JOSE", "Encoding", "Platform"]),
        tests("ContractTests", ["App", "API", "HTTP"]),
        tests("TidyTests", []),
    ]
)

// Measures inside the process what no black-box test shows; only make bench-journal and make bench-tokens build these.
if Context.environment["MARTLET_BENCH"] != nil {
    package.targets += [
        .executableTarget(
            name: "martlet-journal-bench", dependencies: ["Revocation", "Journal", "Encoding", "Platform", "CLinux"],
            path: "scripts/bench/JournalBench", swiftSettings: testing),
        .executableTarget(
            name: "martlet-token-bench",
            dependencies: ["Revocation", "Tokens", "Keys", "JOSE", "OpenSSL", "COpenSSL", "Encoding", "Platform"],
            path: "scripts/bench/TokenBench", swiftSettings: testing),
    ]
}

// The fuzzers' entry functions are part of the tests, which replay the corpus through them. `scripts/fuzz` asks for the
// program instead that libFuzzer drives; two targets cannot have the same files at once.
let fuzzed: [Target.Dependency] = [
    "HTTPServer", "HTTP", "Pages", "Tokens", "Keys", "JOSE", "HTTPClient", "Redis", "Journal", "Telemetry", "OpenSSL",
    "Encoding", "Platform",
]
if Context.environment["MARTLET_TEST_FUZZERS"] == nil {
    package.targets.append(
        .testTarget(
            name: "FuzzTests", dependencies: fuzzed + ["TestForm"],
            exclude: ["corpus", "dictionaries", "seed.py", "Driver"],
            swiftSettings: testing))
} else {
    package.targets.append(
        .executableTarget(
            name: "fuzz", dependencies: fuzzed, path: "Tests/FuzzTests",
            exclude: ["corpus", "dictionaries", "seed.py", "Replay"],
            swiftSettings: testing))
}
