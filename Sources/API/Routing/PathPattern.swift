import HTTP

/// A path with parameters, such as `/sessions/{sid}`: each parameter matches one segment that is not empty.
///
/// Segments are compared as they were sent. Percent-encoding is not decoded, because no path and no identifier of this
/// service needs it.
struct PathPattern: Sendable {
    enum Segment: Sendable, Equatable {
        case literal([UInt8])
        case parameter(String)
    }

    let segments: [Segment]

    /// - Returns: nil for a path without parameters.
    init?(_ path: StaticString) {
        segments = "\(path)".split(separator: "/", omittingEmptySubsequences: false).dropFirst().map { segment in
            segment.hasPrefix("{") && segment.hasSuffix("}")
                ? .parameter(String(segment.dropFirst().dropLast())) : .literal(Array(segment.utf8))
        }
        guard !names.isEmpty else { return nil }
    }

    var names: [String] {
        segments.compactMap { if case .parameter(let name) = $0 { name } else { nil } }
    }

    /// - Returns: nil if the path does not match.
    func match(_ path: ArraySlice<UInt8>) -> PathParameters? {
        guard path.first == UInt8(ascii: "/") else { return nil }
        let parts = path.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard parts.count == segments.count else { return nil }
        var parameters = PathParameters()
        for (segment, part) in zip(segments, parts) {
            switch segment {
            case .literal(let text):
                guard part.elementsEqual(text) else { return nil }
            case .parameter(let name):
                guard !part.isEmpty else { return nil }
                parameters.add(name, Array(part))
            }
        }
        return parameters
    }

    /// Whether one path can match both patterns.
    func overlaps(_ other: PathPattern) -> Bool {
        guard segments.count == other.segments.count else { return false }
        return zip(segments, other.segments).allSatisfy { one, other in
            switch (one, other) {
            case (.literal(let one), .literal(let other)): one == other
            default: true
            }
        }
    }
}

/// The values of a path's parameters. They are copies, so they remain when the request is gone.
struct PathParameters: Sendable {
    private var pairs: [(name: String, value: [UInt8])] = []

    fileprivate mutating func add(_ name: String, _ value: [UInt8]) { pairs.append((name, value)) }

    subscript(name: String) -> [UInt8]? { pairs.first { $0.name == name }?.value }
}
