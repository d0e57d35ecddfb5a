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
        layer("Octets", []),

        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CArgon2", providers: [.apt(["libargon2-dev"])]),
        .systemLibrary(name: "CCrypt", providers: [.apt(["libcrypt-dev"])]),
        .systemLibrary(name: "CNgHTTP2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
        .target(name: "CLinux"),

        tests("OctetsTests", ["Octets"]),
        tests("OpenSSLTests", ["OpenSSL", "Octets"]),
        tests("FetchingTests", ["Fetching", "Octets"]),
        tests("TokenTests", ["Token", "OpenSSL", "Octets"]),
        tests("JournalTests", ["Journal", "Octets"]),
        tests("RevocationTests", ["Revocation", "Journal", "Token", "Octets"]),
        tests("AccountsTests", ["Accounts", "OpenSSL", "Octets"]),
        tests("HTTPTests", ["HTTP", "Octets"]),
        tests("EngineTests", ["Engine", "HTTP", "Telemetry", "Octets"]),
        tests("ServiceTests", ["Service", "Token", "Revocation", "Accounts", "Telemetry", "Octets"]),
        tests(
            "APITests",
            ["API", "HTTP", "Service", "Accounts", "Revocation", "Token", "Journal", "Telemetry", "OpenSSL", "Octets"]),
        tests("AssemblyTests", ["Assembly", "Service", "Accounts", "Token", "Telemetry", "Octets"]),
        tests("MartletTests", ["martlet", "Assembly", "Accounts", "Fetching", "Token", "Octets"]),
        tests("ContractTests", ["Assembly", "API", "HTTP"]),
        tests("TidyTests", []),
    ]
)
