import Encoding

/// The trace that a request belongs to, from the field `traceparent` (W3C Trace Context §3.2).
package struct TraceContext: Equatable, Sendable {
    /// Version 00: `00-` trace id `-` parent id `-` flags.
    private static let byteCount = 55

    /// The trace id in two halves; never both zero.
    package let high: UInt64
    package let low: UInt64
    /// The caller's own id; never zero.
    package let parent: UInt64
    /// Whether the caller may have recorded its part.
    package let isSampled: Bool

    package init(high: UInt64, low: UInt64, parent: UInt64, isSampled: Bool) {
        // Zero means no id; a random id is zero once in 2^64 times.
        (self.high, self.low) = (high, high | low == 0 ? 1 : low)
        self.parent = max(parent, 1)
        self.isSampled = isSampled
    }

    /// Parses the field's value; of a later version only the part that version 00 defines (§4.1).
    ///
    /// - Returns: nil if the value does not have exactly this form, has ids of zeros, or has version ff.
    package init?(_ text: Span<UInt8>) {
        let dash = UInt8(ascii: "-")
        guard text.count >= Self.byteCount, text[2] == dash, text[35] == dash, text[52] == dash,
            let version = Self.hexadecimal(text, 0..<2), version != 0xff,
            version > 0 || text.count == Self.byteCount,
            text.count == Self.byteCount || text[Self.byteCount] == dash,
            let high = Self.hexadecimal(text, 3..<19), let low = Self.hexadecimal(text, 19..<35), high | low != 0,
            let parent = Self.hexadecimal(text, 36..<52), parent != 0,
            let flags = Self.hexadecimal(text, 53..<55)
        else { return nil }
        (self.high, self.low, self.parent) = (high, low, parent)
        isSampled = flags & 1 != 0
    }

    /// Returns the same trace with `own` as the parent id.
    package func continued(by own: UInt64) -> TraceContext {
        TraceContext(high: high, low: low, parent: own, isSampled: isSampled)
    }

    /// Appends the field's value in version 00, with only the flag that it defines.
    package func write(to output: inout [UInt8]) {
        output.append("00-")
        writeTraceID(to: &output)
        output.append(UInt8(ascii: "-"))
        Self.write(parent, to: &output)
        output.append(isSampled ? "-01" : "-00")
    }

    /// Appends 32 hexadecimal digits.
    package func writeTraceID(to output: inout [UInt8]) {
        Self.write(high, to: &output)
        Self.write(low, to: &output)
    }

    package var traceID: String {
        var text: [UInt8] = []
        writeTraceID(to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    private static func write(_ value: UInt64, to output: inout [UInt8]) {
        for place in 0..<16 {
            let nibble = UInt8(truncatingIfNeeded: value >> UInt64(60 &- 4 &* place)) & 15
            output.append(nibble < 10 ? UInt8(ascii: "0") &+ nibble : UInt8(ascii: "a") &- 10 &+ nibble)
        }
    }

    /// Parses at most 16 digits, in lower case only.
    private static func hexadecimal(_ text: Span<UInt8>, _ range: Range<Int>) -> UInt64? {
        var value: UInt64 = 0
        for index in range {
            let digit: UInt8
            switch text[index] {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = text[index] &- UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = text[index] &- UInt8(ascii: "a") &+ 10
            default: return nil
            }
            value = value << 4 | UInt64(digit)
        }
        return value
    }
}

/// Generates trace and span ids for one loop: a random half that stays the same, and numbers that never repeat.
package struct TraceIDs: Sendable {
    private let half: UInt64
    private var state: UInt64

    package init(half: UInt64, seed: UInt64) {
        self.half = half
        state = seed
    }

    /// Computes SplitMix64 (Steele, Lea, Flood 2014): evenly distributed, every number once.
    package mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    /// Returns the first step of a new trace.
    package mutating func begin(isSampled: Bool) -> TraceContext {
        TraceContext(high: half, low: next(), parent: next(), isSampled: isSampled)
    }
}
