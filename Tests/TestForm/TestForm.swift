import Foundation

/// How long the tests' campaigns are, from the environment variable `TEST_FORM`: `quick` for `make check`, `full` for
/// `make test-full`, and in between for `make test`.
public enum TestForm: String, Sendable {
    case quick, normal, full

    public static let current =
        ProcessInfo.processInfo.environment["TEST_FORM"].flatMap { TestForm(rawValue: $0) } ?? .normal

    /// Returns the value for this form; the full form is the normal one where nothing longer is given.
    public static func pick<Value>(quick: Value, normal: Value, full: Value? = nil) -> Value {
        switch current {
        case .quick: quick
        case .normal: normal
        case .full: full ?? normal
        }
    }

    /// Returns all of the items, or in the quick form every `step`th, the first among them.
    public static func sample<Items: RandomAccessCollection>(_ items: Items, step: Int) -> [Items.Element] {
        let step = current == .quick ? step : 1
        return stride(from: 0, to: items.count, by: step).map { items[items.index(items.startIndex, offsetBy: $0)] }
    }
}
