/// Checks UTF-8 by Unicode 16 table 3-7: no overlong forms, no surrogates, nothing above U+10FFFF.
enum UTF8Scan {
    /// Returns the length of the scalar at `offset`, or of the longest ill-formed prefix to replace as a whole (Unicode
    /// 16 §3.9).
    static func scalar(at offset: Int, in bytes: Span<UInt8>) -> (byteCount: Int, isWellFormed: Bool) {
        let lead = bytes[offset]
        let byteCount: Int
        var second: ClosedRange<UInt8> = 0x80...0xbf
        switch lead {
        case 0x00...0x7f: return (1, true)
        case 0xc2...0xdf: byteCount = 2
        case 0xe0...0xef:
            byteCount = 3
            if lead == 0xe0 { second = 0xa0...0xbf }
            if lead == 0xed { second = 0x80...0x9f }
        case 0xf0...0xf4:
            byteCount = 4
            if lead == 0xf0 { second = 0x90...0xbf }
            if lead == 0xf4 { second = 0x80...0x8f }
        default: return (1, false)
        }
        for index in 1..<byteCount {
            guard index < bytes.count &- offset else { return (index, false) }
            let next = bytes[offset &+ index]
            guard index == 1 ? second.contains(next) : 0x80...0xbf ~= next else { return (index, false) }
        }
        return (byteCount, true)
    }
}
