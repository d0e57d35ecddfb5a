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
    .testTarget(name: name, dependencies: dependencies, swiftSettings: testing)
}

let package = Package(
    name: "martlet",
    targets: [
        // Top to bottom is the way of a request.
        .executableTarget(
            name: "martlet",
            dependencies: [
                "Assembly", "Engine", "HTTP", "API", "Service", "Accounts", "Token", "Revocation", "Journal",
                "Telemetry", "Fetching", "OpenSSL",
                "Octets", "CLinux",
            ],
            swiftSettings: strict
        ),
        layer(
            "Assembly",
            [
                "HTTP", "API", "Service", "Accounts", "Token", "Revocation", "Journal", "Telemetry", "OpenSSL",
                "Octets", "CLinux",
            ]),
        layer("Engine", ["HTTP", "Telemetry", "OpenSSL", "Octets", "CLinux", "CNgHTTP2"]),
        layer("API", ["HTTP", "Service", "Token", "Revocation", "Accounts", "Telemetry", "Octets"]),
        layer("HTTP", ["Octets"]),
        layer("Service", ["Token", "Revocation", "Accounts", "Telemetry", "Octets"]),
        layer("Accounts", ["OpenSSL", "Octets", "CArgon2", "CCrypt", "CLinux"]),
        layer("Revocation", ["Journal", "Token", "OpenSSL", "Octets"]),
        layer("Token", ["OpenSSL", "Octets"]),
        layer("Journal", ["Octets", "CLinux"]),
        layer("Telemetry", ["Octets"]),
        layer("Fetching", ["OpenSSL", "Octets"]),
        layer("OpenSSL", ["COpenSSL", "Octets"]),
        layer("Octets", ["CBase64", "CChecksum"]),

        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CArgon2", providers: [.apt(["libargon2-dev"])]),
        .systemLibrary(name: "CCrypt", providers: [.apt(["libcrypt-dev"])]),
        .systemLibrary(name: "CNgHTTP2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
        .target(name: "CLinux"),
        .target(name: "CBase64"),
        .target(name: "CChecksum"),

        // Drives the real journal over a disk that fails by a seed; optimised, so that many seeds fit into a test run.
        .executableTarget(
            name: "simulate", dependencies: ["Revocation", "Journal", "Octets"], path: "Tests/Simulator",
            swiftSettings: testing),

        tests("OctetsTests", ["Octets"]),
        tests("OpenSSLTests", ["OpenSSL", "Octets"]),
        tests("FetchingTests", ["Fetching", "Octets"]),
        tests("TokenTests", ["Token", "OpenSSL", "Octets"]),
        tests("JournalTests", ["Journal", "Octets"]),
        tests("RevocationTests", ["Revocation", "Journal", "Token", "Octets"]),
        tests("AccountsTests", ["Accounts", "OpenSSL", "Octets"]),
        tests("TelemetryTests", ["Telemetry", "Octets"]),
        tests("HTTPTests", ["HTTP", "Octets"]),
        tests("EngineTests", ["Engine", "HTTP", "Telemetry", "Octets"]),
        tests(
            "ServiceTests", ["Service", "Token", "Revocation", "Accounts", "Telemetry", "OpenSSL", "Octets"]),
        tests(
            "APITests",
            ["API", "HTTP", "Service", "Accounts", "Revocation", "Token", "Journal", "Telemetry", "OpenSSL", "Octets"]),
        tests(
            "AssemblyTests",
            ["Assembly", "Service", "Accounts", "Token", "Revocation", "Journal", "Telemetry", "OpenSSL", "Octets"]),
        tests("MartletTests", ["martlet", "Assembly", "Accounts", "Fetching", "Token", "Octets"]),
        tests("ContractTests", ["Assembly", "API", "HTTP"]),
        tests("TidyTests", []),
    ]
)

// Measures from the inside what no black box shows; built by make bench-journal, and by nobody else.
if Context.environment["MARTLET_BENCH"] != nil {
    package.targets.append(
        .executableTarget(
            name: "martlet-journal-bench", dependencies: ["Revocation", "Journal", "Octets", "CLinux"],
            path: "scripts/bench/JournalBench", swiftSettings: testing))
}

// The fuzzers' entry functions are part of the tests, which replay the corpus through them. `scripts/fuzz` asks for the
// program instead that libFuzzer drives; two targets cannot have the same files at once.
let fuzzed: [Target.Dependency] = [
    "Engine", "HTTP", "Token", "Fetching", "Journal", "Telemetry", "OpenSSL", "Octets",
]
if Context.environment["MARTLET_TEST_FUZZERS"] == nil {
    package.targets.append(
        .testTarget(
            name: "FuzzTests", dependencies: fuzzed, exclude: ["corpus", "dictionaries", "seed.py", "Driver"],
            swiftSettings: testing))
} else {
    package.targets.append(
        .executableTarget(
            name: "fuzz", dependencies: fuzzed, path: "Tests/FuzzTests",
            exclude: ["corpus", "dictionaries", "seed.py", "Replay"],
            swiftSettings: testing))
}
