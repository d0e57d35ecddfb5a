import Glibc

/// Measures the cost of a token compared with its cryptography alone, on one core. Not part of the product: it is built
/// only if MARTLET_BENCH is set.
@main
enum TokenBench {
    nonisolated static let usage = """
        usage: martlet-token-bench [--rounds COUNT] [--check]

        Measures verifying and signing of access tokens inside the process, compared with the OpenSSL calls that they
        need at least. Rounds of both alternate. Times are processor time of one thread, ratios the median of all
        rounds.

          --rounds COUNT  how many rounds of each, 3 to 1000 (default: 30)
          --check         exit with 1 if a ratio is above its target

        """

    struct Options: Equatable {
        var rounds = 30
        var isChecked = false

        /// Returns nil for a mistake in the command line.
        init?(_ words: [String]) {
            var rest = words[...]
            while let word = rest.popFirst() {
                switch word {
                case "--check": isChecked = true
                case "--rounds":
                    guard let text = rest.popFirst(), let count = Int(text), (3...1_000).contains(count) else {
                        return nil
                    }
                    rounds = count
                default: return nil
                }
            }
        }
    }

    nonisolated static func main() {
        let words = Array(CommandLine.arguments.dropFirst())
        if words.contains("--help") {
            print(usage, terminator: "")
            exit(0)
        }
        guard let options = Options(words) else {
            fail(usage, status: 2)
        }
        do {
            let results = try TokenMeasurements().run(rounds: options.rounds)
            print(table(results), terminator: "")
            if options.isChecked, results.contains(where: { $0.ratio > $0.target }) {
                fail("martlet-token-bench: a ratio is above its target\n", status: 1)
            }
        } catch {
            fail("martlet-token-bench: \(error)\n", status: 1)
        }
    }

    private nonisolated static func fail(_ text: String, status: Int32) -> Never {
        let bytes = Array(text.utf8)
        // The exit status reports the failure as well.
        _ = unsafe write(STDERR_FILENO, bytes, bytes.count)
        exit(status)
    }

    private nonisolated static func table(_ results: [TokenMeasurements.Result]) -> String {
        var text = padded("operation", 22) + padded("µs", 10) + padded("OpenSSL µs", 12) + "ratio   target\n"
        for result in results {
            text += padded(result.name, 22) + padded(decimal(result.time), 10) + padded(decimal(result.library), 12)
            text += padded(decimal(result.ratio), 8) + decimal(result.target) + "\n"
        }
        return text
    }

    /// Formats a number with three decimal places.
    private nonisolated static func decimal(_ number: Double) -> String {
        let thousandths = Int((number * 1_000).rounded())
        let rest = String(thousandths % 1_000)
        return "\(thousandths / 1_000)." + String(repeating: "0", count: 3 - rest.count) + rest
    }

    private nonisolated static func padded(_ text: String, _ count: Int) -> String {
        text + String(repeating: " ", count: max(0, count - text.count))
    }
}
