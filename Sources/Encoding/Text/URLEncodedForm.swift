/// Why bytes are not a valid form.
package enum FormError: Error, Equatable, Sendable {
    case tooManyPairs
    /// A `%` without two hexadecimal digits, or bytes that are not UTF-8 after decoding.
    case malformed
}

extension FormError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .tooManyPairs: "there are more than \(URLEncodedForm.pairCountMax) pairs"
        case .malformed: "a percent-encoding is invalid, or the decoded text is not UTF-8"
        }
    }
}

/// How often a form has a field, and its value if it occurs once.
package enum FormValue: Equatable, Sendable {
    case absent
    case one(String)
    case repeated
}

/// The pairs of `application/x-www-form-urlencoded` content or of a query, in order; `+` is a space.
package struct URLEncodedForm: Sendable {
    package static let pairCountMax = 256

    package let pairs: [(name: String, value: String)]

    package init(_ bytes: Span<UInt8>) throws(FormError) {
        var pairs: [(name: String, value: String)] = []
        var start = 0
        for index in 0...bytes.count where index == bytes.count || bytes[index] == UInt8(ascii: "&") {
            if index > start {
                guard pairs.count < Self.pairCountMax else { throw .tooManyPairs }
                pairs.append(try Self.pair(bytes.extracting(start..<index)))
            }
            start = index + 1
        }
        self.pairs = pairs
    }

    package func value(_ name: String) -> FormValue {
        let found = pairs.filter { $0.name == name }
        guard let first = found.first else { return .absent }
        return found.count == 1 ? .one(first.value) : .repeated
    }

    private static func pair(_ bytes: Span<UInt8>) throws(FormError) -> (name: String, value: String) {
        var middle = bytes.count
        for index in bytes.indices where bytes[index] == UInt8(ascii: "=") {
            middle = index
            break
        }
        let name = try text(bytes.extracting(0..<middle))
        return (name, middle < bytes.count ? try text(bytes.extracting((middle + 1)..<bytes.count)) : "")
    }

    private static func text(_ bytes: Span<UInt8>) throws(FormError) -> String {
        var octets = [UInt8](bytes)
        let isEncoded = octets.contains { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "+") }
        guard isEncoded else {
            // ASCII is always valid, and checking that is cheaper.
            if octets.allSatisfy({ $0 < 0x80 }) { return String(decoding: octets, as: UTF8.self) }
            guard let text = String(validating: octets, as: UTF8.self) else { throw .malformed }
            return text
        }
        octets.removeAll(keepingCapacity: true)
        var index = 0
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "+"):
                octets.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                guard index + 2 < bytes.count, let high = JSONText.hexValue(bytes[index + 1]),
                    let low = JSONText.hexValue(bytes[index + 2])
                else { throw .malformed }
                octets.append(high << 4 | low)
                index += 2
            case let octet:
                octets.append(octet)
            }
            index += 1
        }
        guard let text = String(validating: octets, as: UTF8.self) else { throw .malformed }
        return text
    }
}
