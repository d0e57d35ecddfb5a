/// Writes the Prometheus text format 0.0.4.
package struct PrometheusText {
    package enum Kind: String {
        case counter, gauge, histogram
    }

    package private(set) var bytes: [UInt8] = []

    package init() {}

    package mutating func family(_ name: String, _ kind: Kind, _ help: String) {
        append("# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n")
    }

    /// - Parameter labels: names and values; the values are fixed routes and codes, so they need no escapes.
    package mutating func sample(_ name: String, _ labels: [(String, String)], _ value: some BinaryInteger) {
        append("\(name)\(braced(labels)) \(value)\n")
    }

    package mutating func sample(_ name: String, _ value: some BinaryInteger) {
        sample(name, [], value)
    }

    package mutating func sample(_ name: String, _ labels: [(String, String)] = [], seconds value: Double) {
        append("\(name)\(braced(labels)) \(value)\n")
    }

    private func braced(_ labels: [(String, String)]) -> String {
        labels.isEmpty ? "" : "{" + labels.map { "\($0.0)=\"\($0.1)\"" }.joined(separator: ",") + "}"
    }

    private mutating func append(_ text: String) {
        bytes += Array(text.utf8)
    }
}
