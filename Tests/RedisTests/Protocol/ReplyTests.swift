import Testing

@testable import Redis
@testable import Store

@Suite("Replies")
struct ReplyTests {
    private func replies(_ pieces: [[UInt8]], _ library: HiredisLibrary) throws -> [RedisReply] {
        let reader = try ReplyReader(library)
        var found: [RedisReply] = []
        for piece in pieces {
            try reader.feed(piece, count: piece.count)
            while let reply = try reader.next() { found.append(reply) }
        }
        #expect(!reader.hasRest)
        return found
    }

    private static let text =
        "+OK\r\n-ERR no\r\n:-7\r\n$5\r\na\r\nb\0\r\n$-1\r\n$0\r\n\r\n*3\r\n:1\r\n*2\r\n$1\r\nx\r\n*0\r\n+y\r\n*-1\r\n"
    private static let expected: [RedisReply] = [
        .status(Array("OK".utf8)), .error(Array("ERR no".utf8)), .integer(-7), .string(Array("a\r\nb\0".utf8)), .null,
        .string([]),
        .array([.integer(1), .array([.string([0x78]), .array([])]), .status([0x79])]), .null,
    ]

    /// The versions of the library that are on this machine.
    private static let libraries = HiredisLibrary.names.indices.filter {
        (try? HiredisLibrary.open([HiredisLibrary.names[$0]])) != nil
    }

    @Test func `a version of the library is installed`() {
        #expect(!Self.libraries.isEmpty)
        print("hiredis: \(Self.libraries.map { HiredisLibrary.names[$0].file })")
    }

    @Test(arguments: libraries, [1, 2, 3, 7, 1_000])
    func `a reply is the same in pieces of any size`(_ name: Int, _ size: Int) throws {
        let library = try HiredisLibrary.open([HiredisLibrary.names[name]])
        let bytes = Array(Self.text.utf8)
        let pieces = stride(from: 0, to: bytes.count, by: size).map { Array(bytes[$0..<min($0 + size, bytes.count)]) }
        #expect(try replies(pieces, library) == Self.expected)
    }

    @Test(
        arguments: libraries,
        [
            "$2000000000\r\n", "$9223372036854775807\r\n", "*2147483647\r\n", "*60000\r\n*60000\r\n",
            String(repeating: "*1\r\n", count: 9), ":99999999999999999999\r\n", "#t\r\n", ",1.5\r\n", "!x\r\n",
            "+" + String(repeating: "x", count: 70_000),
        ])
    func `what no server sends is rejected before memory is taken for it`(_ name: Int, _ text: String) throws {
        let reader = try ReplyReader(try HiredisLibrary.open([HiredisLibrary.names[name]]))
        let bytes = Array(text.utf8)
        let fault = #expect(throws: StoreFault.self) {
            try reader.feed(bytes, count: bytes.count)
            _ = try reader.next()
        }
        guard case .malformed? = fault else {
            Issue.record("\(String(describing: fault))")
            return
        }
    }

    @Test func `a machine without the library learns its name`() {
        let fault = #expect(throws: StoreFault.self) { try HiredisLibrary.open([("libnothing.so.7", true)]) }
        guard case .rejected(let reason, let remedy)? = fault else { return }
        #expect(reason.contains("libnothing.so.7") && remedy.contains("libhiredis0.14"))
    }

    @Test func `numbers are read strictly`() {
        #expect(RedisReply.string(Array("12".utf8)).number == 12)
        for text in ["", "-1", "+1", "1x", " 1", "1234567890123456789"] {
            #expect(RedisReply.string(Array(text.utf8)).number == nil, "\(text)")
        }
        #expect(RedisReply.integer(-1).unsigned == nil)
    }

    @Test func `commands are arrays of strings`() {
        var commands = CommandBuffer()
        commands.command("GET", "ä")
        commands.begin(1)
        commands.add([0, 13, 10])
        #expect(commands.bytes == Array("*2\r\n$3\r\nGET\r\n$2\r\nä\r\n*1\r\n$3\r\n\0\r\n\r\n".utf8))
        #expect(commands.count == 2)
        commands.erase()
        #expect(commands.bytes.isEmpty)
    }

    @Test func `errors mean what the page says`() {
        #expect(
            RedisErrors.fault(Array("READONLY You can't".utf8))
                == .notPrimary(reason: "the server is a replica (READONLY)"))
        #expect(RedisErrors.fault(Array("LOADING x".utf8)) == .busy(reason: "Redis is loading its data (LOADING)"))
        let odd = RedisErrors.fault(
            Array("ERR unknown command 'AUTH', with args beginning with: 'pass'".utf8), isQuiet: true)
        #expect(!"\(odd)".contains("pass'"))
        let shown = RedisErrors.fault(Array("ERR unknown command 'X', with args beginning with: 'secret'".utf8))
        #expect("\(shown)".contains("unknown command") && !"\(shown)".contains("secret"))
        #expect(RedisErrors.destination(Array("MOVED 3999 10.0.0.7:6380".utf8))?.port == 6_380)
        #expect(RedisErrors.destination(Array("MOVED 3999 ::1:6380".utf8))?.host == "::1")
        for text in ["MOVED", "MOVED 1 :", "MOVED 1 a:0", "MOVED 1 a:65536", "MOVED 1 a:x", "ASK 1 a:1"] {
            #expect(RedisErrors.destination(Array(text.utf8)) == nil, "\(text)")
        }
    }

    @Test func `every error of the table is on the page, and no other`() throws {
        let page = try DocumentText.read("docs/redis.md")
        let start = try #require(page.firstRange(of: "| error | meaning |"))
        let rows = page[start.upperBound...].prefix { $0 != "#" }.split(separator: "\n").map {
            $0.split(separator: "|").first ?? ""
        }
        let named = Set(rows.flatMap { $0.matches(of: /`([A-Z]+)`/).map { String($0.output.1) } })
        #expect(named == Set(RedisErrors.table.keys))
    }

    @Test func `a role is read strictly`() {
        let replica = RedisReply.array([
            .string(Array("10.0.0.1".utf8)), .string(Array("6379".utf8)), .string(Array("77".utf8)),
        ])
        #expect(
            ServerRole(.array([.string(Array("master".utf8)), .integer(90), .array([replica])]))
                == .primary(offset: 90, replicas: [77]))
        for port in ["0", "65536", "-1", "x"] {
            let reply = RedisReply.array([
                .string(Array("slave".utf8)), .string(Array("h".utf8)), .string(Array(port.utf8)), .null, .integer(1),
            ])
            #expect(ServerRole(reply) == nil)
        }
        #expect(ServerRole(.array([.string(Array("sentinel".utf8)), .array([])])) == nil)
    }

    @Test func `names of keys are read strictly`() throws {
        let names = KeyNames(tag: "a*b")
        #expect(names.pattern == "{a\\*b}:*")
        for family in KeyNames.Family.allCases where family != .cut {
            #expect(names.parts(Array(names.key(family, id(3)).utf8)) == .init(family: family, id: id(3), kind: nil))
        }
        #expect(names.parts(Array(names.cut(4, id(3)).utf8)) == .init(family: .cut, id: id(3), kind: 4))
        for name in ["{a*b}:log", "{a*b}:s:x", "{a*b}:c:5:\(id(3))", "{a*b}:q:\(id(3))", "{b}:s:\(id(3))", ""] {
            #expect(names.parts(Array(name.utf8)) == nil, "\(name)")
        }
    }
}
