internal import Glibc

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
        pairs = try Self.bytePairs(bytes).map {
            (String(decoding: $0.name, as: UTF8.self), String(decoding: $0.value, as: UTF8.self))
        }
    }

    /// Returns the same pairs as bytes, which are valid UTF-8.
    package static func bytePairs(_ bytes: Span<UInt8>) throws(FormError) -> [(name: [UInt8], value: [UInt8])] {
        var pairs: [(name: [UInt8], value: [UInt8])] = []
        var start = 0
        while start < bytes.count {
            let end = first(UInt8(ascii: "&"), in: bytes, from: start)
            if end > start {
                guard pairs.count < pairCountMax else { throw .tooManyPairs }
                let pair = bytes.extracting(start..<end)
                let middle = first(UInt8(ascii: "="), in: pair, from: 0)
                let name = try text(pair.extracting(0..<middle))
                pairs.append((name, middle < pair.count ? try text(pair.extracting((middle + 1)..<pair.count)) : []))
            }
            start = end + 1
        }
        return pairs
    }

    package func value(_ name: String) -> FormValue {
        let found = pairs.filter { $0.name == name }
        guard let first = found.first else { return .absent }
        return found.count == 1 ? .one(first.value) : .repeated
    }

    /// Returns the index of the first `byte` from `start`, or the count of the bytes (memchr(3)).
    private static func first(_ byte: UInt8, in bytes: Span<UInt8>, from start: Int) -> Int {
        unsafe bytes.withUnsafeBufferPointer { buffer in
            guard start < buffer.count, let base = buffer.baseAddress,
                let found = unsafe memchr(base + start, Int32(byte), buffer.count - start)
            else { return buffer.count }
            return unsafe UnsafeRawPointer(found) - UnsafeRawPointer(base)
        }
    }

    /// Decodes a name or a value.
    private static func text(_ bytes: Span<UInt8>) throws(FormError) -> [UInt8] {
        let isEncoded =
            first(UInt8(ascii: "%"), in: bytes, from: 0) < bytes.count
            || first(UInt8(ascii: "+"), in: bytes, from: 0) < bytes.count
        let output = isEncoded ? try decoded(bytes) : [UInt8](bytes)
        // ASCII is always valid, and checking that is cheaper.
        guard output.reduce(0, |) & 0x80 == 0 || String(validating: output, as: UTF8.self) != nil else {
            throw .malformed
        }
        return output
    }

    private static func decoded(_ bytes: Span<UInt8>) throws(FormError) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "+"):
                output.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                guard index + 2 < bytes.count, let high = JSONText.hexValue(bytes[index + 1]),
                    let low = JSONText.hexValue(bytes[index + 2])
                else { throw .malformed }
                output.append(high << 4 | low)
                index += 2
            case let byte:
                output.append(byte)
            }
            index += 1
        }
        return output
    }
}
