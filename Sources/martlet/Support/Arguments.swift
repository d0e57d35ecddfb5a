/// Parses the words after the name of a command by the rules that all commands share.
///
/// `--name value` and `--name=value` are equivalent; a value that begins with `--` needs the second form. After `--`,
/// every word is an operand. Options may be before, between and after operands. Abbreviations, repeated options and
/// unexpected words are errors. Where a key id is expected, a word that is longer than any option is an operand even if
/// it begins with a hyphen, as one id in 64 does.
struct Arguments: Equatable {
    /// An option of a command.
    struct Option: Equatable, Sendable {
        enum Kind: Equatable, Sendable {
            case flag
            case value
            case list
        }

        /// The name including its dashes.
        let name: String
        let kind: Kind

        /// An option without a value.
        static func flag(_ name: String) -> Option { Option(name: name, kind: .flag) }
        /// An option with a value that may be given once.
        static func value(_ name: String) -> Option { Option(name: name, kind: .value) }
        /// An option with a value that may be repeated.
        static func list(_ name: String) -> Option { Option(name: name, kind: .list) }
    }

    /// The length in bytes of key ids: from the id of a secret (16 bytes in base64url) to the maximum of a kid. No
    /// option is that long.
    private static let idByteCounts = 22...100

    /// In the given order.
    private(set) var operands: [String] = []
    private var flags: Set<String> = []
    private var lists: [String: [String]] = [:]

    /// Parses the words of a command.
    ///
    /// - Parameters:
    ///   - operands: the names of the operands of the command. Further operands are rejected.
    ///   - optionalCount: how many of the last operands are optional.
    init(
        _ words: [String], options: [Option], operands names: [String] = [], optionalCount: Int = 0
    ) throws(ArgumentsError) {
        var rest = words[...]
        while let word = rest.popFirst() {
            if word == "--" {
                operands += rest
                break
            }
            if word == "--help" || word == "-h" { throw .helpWanted }
            let isID = Self.idByteCounts ~= word.utf8.count && !word.contains("=") && names.contains("KID")
            if word.hasPrefix("-"), word != "-", !isID {
                try take(word, &rest, options)
            } else {
                operands.append(word)
            }
        }
        if operands.count > names.count { throw .operandUnexpected(operands[names.count]) }
        if operands.count < names.count - optionalCount { throw .operandMissing(names[operands.count]) }
    }

    /// Returns whether the option was given.
    func has(_ name: String) -> Bool { flags.contains(name) || lists[name] != nil }

    func value(_ name: String) -> String? { lists[name]?.last }

    /// Returns all values of a repeatable option in the given order.
    func values(_ name: String) -> [String] { lists[name] ?? [] }

    private mutating func take(_ word: String, _ rest: inout ArraySlice<String>, _ options: [Option])
        throws(ArgumentsError)
    {
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let name = parts[0]
        let attached = parts.count == 2 ? parts[1] : nil
        guard let option = options.first(where: { $0.name == name }) else {
            throw .optionUnknown(name, nearest: Self.nearest(to: name, among: options))
        }
        if option.kind != .list, has(name) { throw .optionRepeated(name) }
        if option.kind == .flag {
            guard attached == nil else { throw .valueUnexpected(name) }
            flags.insert(name)
            return
        }
        if let attached {
            lists[name, default: []].append(attached)
        } else if let next = rest.first, !next.hasPrefix("--") {
            rest.removeFirst()
            lists[name, default: []].append(next)
        } else {
            throw .valueMissing(name)
        }
    }

    /// Returns the option that was probably meant: at most two edits away, and less than half of the word.
    private static func nearest(to name: String, among options: [Option]) -> String? {
        let wanted = Array(name.utf8.prefix(64))
        let distances = (options.map(\.name) + ["--help"]).map { ($0, editDistance(wanted, Array($0.utf8))) }
        guard let best = distances.min(by: { $0.1 < $1.1 }), best.1 <= 2, best.1 * 2 < wanted.count - 2 else {
            return nil
        }
        return best.0
    }

    /// Returns the number of inserted, deleted, replaced or transposed letters.
    private static func editDistance(_ from: [UInt8], _ to: [UInt8]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...to.count)
        for (index, letter) in from.enumerated() {
            var row = [index + 1]
            for column in to.indices {
                var distance = min(last[column] + (to[column] == letter ? 0 : 1), last[column + 1] + 1, row[column] + 1)
                if index > 0, column > 0, to[column] == from[index - 1], to[column - 1] == letter {
                    distance = min(distance, beforeLast[column - 1] + 1)
                }
                row.append(distance)
            }
            (beforeLast, last) = (last, row)
        }
        return last[to.count]
    }
}

/// What is wrong with a command line.
enum ArgumentsError: Error, Equatable, Sendable {
    /// No error: the usage text was requested.
    case helpWanted
    case optionUnknown(String, nearest: String?)
    case optionRepeated(String)
    case valueMissing(String)
    case valueUnexpected(String)
    case operandMissing(String)
    case operandUnexpected(String)
}

extension ArgumentsError: CustomStringConvertible {
    var description: String {
        switch self {
        case .helpWanted: "help"
        case .optionUnknown(let name, nil): "unknown option \(name)"
        case .optionUnknown(let name, let nearest?): "unknown option \(name); did you mean \(nearest)?"
        case .optionRepeated(let name): "\(name) is given twice"
        case .valueMissing(let name): "\(name) needs a value"
        case .valueUnexpected(let name): "\(name) takes no value"
        case .operandMissing(let name): "\(name) is missing"
        case .operandUnexpected(let word): "unexpected argument \(word)"
        }
    }
}
