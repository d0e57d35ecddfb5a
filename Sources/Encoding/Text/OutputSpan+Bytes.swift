// Bytes that are appended together: the array makes room once for all of them (`append(addingCapacity:initializingWith:)`).
extension OutputSpan where Element == UInt8 {
    /// Appends a copy; there must be room for it.
    @inline(__always)
    @_lifetime(self: copy self)
    package mutating func append(_ content: Span<UInt8>) {
        precondition(content.count <= freeCapacity, "the bytes do not fit")
        unsafe content.withUnsafeBufferPointer { source in
            unsafe withUnsafeMutableBufferPointer { target, count in
                guard let source = source.baseAddress, let target = target.baseAddress else { return }
                unsafe (target + count).initialize(from: source, count: content.count)
                count += content.count
            }
        }
    }

    @inline(__always)
    @_lifetime(self: copy self)
    package mutating func append(_ text: StaticString) {
        let letters = unsafe UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        append(unsafe letters.span)
    }

    /// Appends the eight bytes of a number, the highest first.
    @inline(__always)
    @_lifetime(self: copy self)
    package mutating func append(bigEndian value: UInt64) { append(littleEndian: value.byteSwapped) }

    /// Appends the eight bytes of a number, the lowest first.
    @inline(__always)
    @_lifetime(self: copy self)
    package mutating func append(littleEndian value: UInt64) {
        precondition(freeCapacity >= 8, "the bytes do not fit")
        unsafe withUnsafeMutableBufferPointer { target, count in
            guard let target = target.baseAddress else { return }
            unsafe UnsafeMutableRawPointer(target + count).storeBytes(of: value.littleEndian, as: UInt64.self)
            count += 8
        }
    }
}
