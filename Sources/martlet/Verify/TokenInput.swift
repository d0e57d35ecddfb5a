import Accounts
import Glibc
import Platform

/// Where a command reads its token, so that it need not be on the command line, where every process can read it.
enum TokenInput: Equatable {
    case word(String)
    case input
    /// One token per line.
    case lines
    case file(String)
    case variable(String)

    private static let byteCountMax = 1_048_576
    private static let linesByteCountMax = 16_777_216

    /// Reads the operand TOKEN and `--token-env`.
    init(_ arguments: Arguments, isMany: Bool = false) throws(CommandError) {
        let word = arguments.operands.first
        let name = arguments.value("--token-env")
        if let path = arguments.value("--token-file") {
            guard word == nil, name == nil else {
                throw .usage("--token-file cannot be combined with TOKEN or --token-env")
            }
            self = .file(path)
            return
        }
        switch (word, name) {
        case (_?, _?): throw .usage("TOKEN and --token-env cannot be combined")
        case (nil, nil) where isMany, ("-"?, nil) where isMany: self = .lines
        case (_, nil) where isMany, (_, _?) where isMany: throw .usage("--junit reads its tokens from standard input")
        case ("-"?, nil): self = .input
        case (let word?, nil): self = .word(word)
        case (nil, let name?):
            guard !name.isEmpty, !name.contains("=") else { throw .usage("--token-env takes the name of a variable") }
            self = .variable(name)
        case (nil, nil): throw .arguments(.operandMissing("TOKEN"))
        }
    }

    /// Returns the tokens, each without a newline at its end; a token above the maximum length is truncated.
    func read() throws(CommandError) -> [[UInt8]] {
        switch self {
        case .word(let word): return [Array(word.utf8)]
        case .variable(let name):
            guard let value = Environment.values[name] else {
                throw .usage("the variable \(Printable.short(name)) is not set")
            }
            let token = Self.trimmed(Array(value.utf8)[...])
            guard !token.isEmpty else { throw .usage("the variable \(Printable.short(name)) is empty") }
            return [token]
        case .input:
            return [Self.trimmed(try Self.input(byteCountMax: Self.byteCountMax)[...])]
        case .file(let path):
            do throws(FileError) {
                return [Self.trimmed(try AtomicFile.read(path, byteCountMax: Self.byteCountMax)[...])]
            } catch {
                throw .usage("\(Printable.short(path)): \(error)")
            }
        case .lines:
            let input = try Self.input(byteCountMax: Self.linesByteCountMax)
            guard input.count <= Self.linesByteCountMax else {
                throw .usage("standard input is longer than \(Self.linesByteCountMax) bytes")
            }
            let lines = TextBytes.withoutByteOrderMark(input).split(separator: 0x0A).map(Self.trimmed)
            let tokens = lines.filter { !$0.isEmpty }
            // A check without any token must not look like a successful check.
            guard !tokens.isEmpty else { throw .usage("standard input has no token, so nothing was checked") }
            return tokens
        }
    }

    /// Reads standard input up to one byte more than `byteCountMax`, which is enough to detect that it is too long.
    private static func input(byteCountMax: Int) throws(CommandError) -> [UInt8] {
        var input: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while input.count <= byteCountMax {
            let count = unsafe chunk.withUnsafeMutableBytes {
                unsafe Glibc.read(STDIN_FILENO, $0.baseAddress, $0.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .usage("standard input cannot be read") }
            guard count > 0 else { break }
            input.append(contentsOf: chunk.prefix(min(count, byteCountMax + 1 - input.count)))
        }
        return input
    }

    /// Removes the newline that editors and `echo` append; everything else belongs to the token and makes it invalid.
    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var rest = TextBytes.withoutByteOrderMark(Array(bytes))
        if rest.last == 0x0A { rest.removeLast() }
        if rest.last == 0x0D { rest.removeLast() }
        return rest
    }
}
