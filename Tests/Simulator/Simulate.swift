import Encoding
import Glibc

/// `simulate --seeds N [--from M]`, `simulate --seed N`, `simulate --mutants`.
@main
enum Simulate {
    private static let usage = """
        usage: simulate [--seeds N] [--from M] [--seed N] [--mutant NAME] [--mutants] [--turns N]
          --seeds N      lives of N seeds, from M on (2000, from 1)
          --seed N       one seed, each step told
          --mutant NAME  with a bug put in: \(Mutant.allCases.map(\.rawValue).joined(separator: ", "))
          --mutants      each bug in turn, until it is found; status 1 if one is not
        """

    static func main() {
        repeatably()
        guard let options = Options(CommandLine.arguments.dropFirst()) else {
            print(usage)
            exit(2)
        }
        if options.isMutantTable { exit(MutantTable.print(options) ? 0 : 1) }
        exit(run(options) ? 0 : 1)
    }

    /// The order of a hash table changes from process to process unless the runtime is told otherwise before it starts.
    private static func repeatably() {
        let name = "SWIFT_DETERMINISTIC_HASHING"
        guard getenv(name) == nil else { return }
        setenv(name, "1", 1)
        let arguments = CommandLine.arguments.map { strdup($0) } + [nil]
        execv("/proc/self/exe", arguments)
        print("cannot start again with \(name)=1: results may not repeat")
    }

    /// - Returns: whether every promise was kept.
    private static func run(_ options: Options) -> Bool {
        let clock = ContinuousClock()
        let began = clock.now
        var tally: [String: Int] = [:]
        for seed in options.seeds {
            let world = World(seed: seed, mutant: options.mutant)
            world.isTraced = options.isTraced
            world.run(turns: options.turns)
            tally.merge(world.tally, uniquingKeysWith: +)
            if let violation = world.violation {
                print("seed \(seed): \(violation)\nagain: make simulate SEED=\(seed)")
                return false
            }
        }
        let seconds =
            Double((clock.now - began).components.attoseconds) / 1e18 + Double((clock.now - began).components.seconds)
        print("\(options.seeds.count) seeds in \(Int(seconds * 10) / 10) s, nothing promised was lost")
        print(tally.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", "))
        return true
    }
}

struct Options {
    var seeds: ClosedRange<UInt64> = 1...2_000
    var turns = 120
    var mutant: Mutant?
    var isMutantTable = false
    var isTraced = false

    /// Nil for what is not understood.
    init?(_ words: ArraySlice<String>) {
        var words = words
        var count: UInt64 = 2_000
        var first: UInt64 = 1
        while let word = words.popFirst() {
            if word == "--mutants" {
                isMutantTable = true
                continue
            }
            guard let value = words.popFirst() else { return nil }
            switch word {
            case "--mutant":
                guard let named = Mutant(rawValue: value) else { return nil }
                mutant = named
            case "--seeds", "--from", "--seed", "--turns":
                guard let number = UInt64(value), number > 0, number < 1 << 40 else { return nil }
                switch word {
                case "--seeds": count = number
                case "--from": first = number
                case "--turns": turns = Int(number)
                default:
                    first = number
                    count = 1
                    isTraced = true
                }
            default: return nil
            }
        }
        seeds = first...(first + count - 1)
    }
}

/// Which seeds find which bug, and how fast.
enum MutantTable {
    /// - Returns: whether each was found.
    static func print(_ options: Options) -> Bool {
        let clock = ContinuousClock()
        var isComplete = true
        Swift.print(
            "| bug | seeds that find it | seeds tried | found after | what is seen first |\n|---|---|---|---|---|")
        for mutant in Mutant.allCases {
            let began = clock.now
            var found: [UInt64] = []
            var firstTime: Duration?
            var sentence = ""
            var tried = 0
            for seed in options.seeds {
                tried += 1
                let world = World(seed: seed, mutant: mutant)
                world.run(turns: options.turns)
                guard let violation = world.violation else { continue }
                if found.isEmpty {
                    firstTime = clock.now - began
                    sentence = violation.description
                }
                found.append(seed)
                if found.count == 3 { break }
            }
            if found.isEmpty { isComplete = false }
            let seeds = found.isEmpty ? "none" : found.map { "\($0)" }.joined(separator: ", ")
            let milliseconds = firstTime.map {
                "\($0.components.seconds * 1_000 + $0.components.attoseconds / 1_000_000_000_000_000) ms"
            }
            Swift.print("| \(mutant.rawValue) | \(seeds) | \(tried) | \(milliseconds ?? "not found") | \(sentence) |")
        }
        return isComplete
    }
}
