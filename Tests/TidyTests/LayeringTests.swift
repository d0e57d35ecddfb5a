import Testing

/// What each target may import, besides what the toolchain brings (``system``).
///
/// The same table stands in `Package.swift` and in `docs/architecture.md`; a change is made in all three or not at all.
enum Layers {
    static let table: [String: Set<String>] = [
        "martlet": [
            "App", "HTTPServer", "HTTP", "API", "Service", "Accounts", "Tokens", "Keys", "JOSE", "Revocation",
            "Journal", "Following", "Store", "Redis", "Postgres", "Telemetry", "HTTPClient", "OpenSSL", "Encoding",
            "Platform", "CLinux",
        ],
        "App": [
            "HTTP", "API", "Pages", "Service", "Accounts", "Tokens", "Keys", "JOSE", "Revocation", "Journal",
            "Store", "Telemetry", "OpenSSL", "Encoding", "Platform", "CLinux",
        ],
        "HTTPServer": ["HTTP", "Telemetry", "OpenSSL", "Encoding", "Platform", "CLinux", "CNgHTTP2"],
        "API": [
            "HTTP", "Pages", "Service", "Accounts", "Tokens", "Keys", "JOSE", "Revocation", "Telemetry", "Encoding",
            "Platform",
        ],
        "Pages": ["Encoding", "Platform"],
        "HTTP": ["Encoding"],
        "Service": ["Accounts", "Tokens", "Keys", "JOSE", "Revocation", "Telemetry", "Encoding", "Platform"],
        "Following": [
            "HTTPClient", "Revocation", "Journal", "Telemetry", "JOSE", "OpenSSL", "Encoding", "Platform",
        ],
        "Store": ["Revocation", "Journal", "Telemetry", "Encoding", "Platform"],
        "Redis": ["Store", "Revocation", "Journal", "OpenSSL", "Encoding", "Platform", "CHiredis"],
        "Postgres": ["Store", "Revocation", "Journal", "Encoding", "Platform", "CPostgres"],
        "Accounts": ["OpenSSL", "Encoding", "Platform", "CArgon2", "CCrypt", "CLinux"],
        "Revocation": ["Journal", "Tokens", "OpenSSL", "Encoding", "Platform"],
        "Tokens": ["Keys", "JOSE", "OpenSSL", "Encoding", "Platform"],
        "Keys": ["JOSE", "OpenSSL", "Encoding", "Platform", "CLinux"],
        "JOSE": ["OpenSSL", "Encoding", "Platform"],
        "Journal": ["Encoding", "Platform", "CLinux"],
        "Telemetry": ["Encoding", "Platform"],
        "HTTPClient": ["OpenSSL", "Encoding", "Platform"],
        "OpenSSL": ["COpenSSL", "Encoding", "Platform"],
        "Encoding": ["Platform", "CBase64", "CChecksum"],
        "Platform": ["CLinux"],
    ]

    /// Modules of the toolchain that any target may import. Foundation is not among them: its JSON is not strict.
    static let system: Set<String> = ["Glibc", "Synchronization", "FoundationEssentials"]
}

@Suite("Layering")
struct LayeringTests {
    @Test(arguments: SourceFile.all)
    func `a file imports only what its target's line allows`(_ file: SourceFile) {
        let allowed = Layers.table[file.target]
        #expect(allowed != nil, "\(file.target) is missing in the table")
        let strangers = Set(file.imports).subtracting(allowed ?? []).subtracting(Layers.system)
        #expect(strangers.isEmpty, "\(file.path) imports \(strangers.sorted())")
    }

    @Test func `the files are found, and their imports`() {
        #expect(Set(SourceFile.all.map(\.target)) == Set(Layers.table.keys))
        #expect(SourceFile.all.contains { !$0.imports.isEmpty })
    }

    @Test(arguments: [
        "import A", "package import A", "@preconcurrency import A", "@_spi(X) internal import A", "import struct A.B",
    ])
    func `an import is seen in every spelling`(_ line: String) {
        #expect(SourceFile(path: "Sources/T/F.swift", lines: [line]).imports == ["A"])
    }

    @Test func `Package.swift states the same table`() throws {
        let manifest = try #require(Checkout.text("Package.swift"))
        var stated: [String: Set<String>] = [:]
        for match in manifest.matches(of: /layer\(\s*"(\w+)",\s*\[([^\]]*)\]/) {
            stated[String(match.output.1)] = names(in: match.output.2)
        }
        let executable = /\.executableTarget\(\s*name:\s*"(\w+)",\s*dependencies:\s*\[([^\]]*)\]/
        let match = try #require(manifest.firstMatch(of: executable))
        stated[String(match.output.1)] = names(in: match.output.2)
        #expect(stated == Layers.table)
    }

    @Test func `docs architecture.md states the same table`() throws {
        let page = try #require(Checkout.text("docs/architecture.md"))
        let table = try #require(page.firstRange(of: "| target | may import |"))
        var stated: [String: Set<String>] = [:]
        let rows = page[table.upperBound...].prefix { $0 != "#" }
        for match in rows.matches(of: /\n\| `(\w+)` \| ([^|\n]*) \|/) {
            stated[String(match.output.1)] = Set(match.output.2.matches(of: /\w+/).map { String($0.output) })
        }
        #expect(stated == Layers.table)
    }

    @Test func `no target imports itself by a detour`() {
        for (target, imports) in Layers.table {
            var reached: Set<String> = []
            var waiting = imports
            while let next = waiting.popFirst() {
                if reached.insert(next).inserted { waiting.formUnion(Layers.table[next] ?? []) }
            }
            #expect(!reached.contains(target), "\(target) imports itself")
        }
    }

    private func names(in list: Substring) -> Set<String> {
        Set(list.matches(of: /"(\w+)"/).map { String($0.output.1) })
    }
}
