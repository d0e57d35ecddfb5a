extension MutableSpan<UInt8> {
    /// Moves bytes within the span (memmove(3)).
    mutating func move(_ byteCount: Int, from source: Int, to target: Int) {
        precondition(byteCount >= 0 && source >= 0 && target >= 0, "offsets into a span are not negative")
        precondition(source <= count &- byteCount && target <= count &- byteCount, "a move stays inside its span")
        unsafe withUnsafeMutableBytes { octets in
            guard let start = octets.baseAddress else { return }
            unsafe (start + target).copyMemory(from: start + source, byteCount: byteCount)
        }
    }
}
