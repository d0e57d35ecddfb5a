/// The words after a command's name, taken apart by the rules that every command shares.
///
/// `--name value` and `--name=value` are the same; a value that begins with `--` needs the second form. After `--`
/// everything is an operand. Options may stand before, between and after operands. Nothing may be abbreviated,
/// repeated by mistake or left over. Where the id of a key is wanted, a word longer than any option is one even if it begins
/// with a hyphen, as one id in 64 does.
struct Arguments: Equatable {
    /// An option that a command takes.
    struct Option: Equatable, Sendable {
        enum Kind: Equatable, Sendable {
            case flag
            case value
            case list
        }

        /// With its dashes.
        let name: String
        let kind: Kind

        /// Is there or not.
        static func flag(_ name: String) -> Option { Option(name: name, kind: .flag) }
        /// Has a value, and is given at most once.
        static func value(_ name: String) -> Option { Option(name: name, kind: .value) }
        /// Has a value, and may be given again.
        static func list(_ name: String) -> Option { Option(name: name, kind: .list) }
    }

    /// From the id of a secret, 16 octets in base64url, to what a kid may have; no option is that long.
    private static let idByteCounts = 22...100

    /// In the order given.
    private(set) var operands: [String] = []
    private var flags: Set<String> = []
    private var lists: [String: [String]] = [:]

    /// - Parameters:
    ///   - operands: what the command calls its operands. Others are refused.
    ///   - optionalCount: how many of them, from the last on, may be missing.
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

    /// Whether a flag, or an option with a value, was given.
    func has(_ name: String) -> Bool { flags.contains(name) || lists[name] != nil }

    func value(_ name: String) -> String? { lists[name]?.last }

    /// All values of a list, in the order given.
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

    /// The option that was probably meant: at most two edits away, and less than half of the word.
    private static func nearest(to name: String, among options: [Option]) -> String? {
        let wanted = Array(name.utf8.prefix(64))
        let distances = (options.map(\.name) + ["--help"]).map { ($0, editDistance(wanted, Array($0.utf8))) }
        guard let best = distances.min(by: { $0.1 < $1.1 }), best.1 <= 2, best.1 * 2 < wanted.count - 2 else {
            return nil
        }
        return best.0
    }

    /// How many letters are inserted, deleted, replaced or swapped with their neighbour.
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
    /// Nothing: the usage text was asked for.
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
        case .optionUnknown(let name, nil): "there is no option \(name)"
        case .optionUnknown(let name, let nearest?): "there is no option \(name); did you mean \(nearest)?"
        case .optionRepeated(let name): "\(name) is given twice"
        case .valueMissing(let name): "\(name) needs a value"
        case .valueUnexpected(let name): "\(name) takes no value"
        case .operandMissing(let name): "\(name) is missing"
        case .operandUnexpected(let word): "\(word) is one word too many"
        }
    }
}
