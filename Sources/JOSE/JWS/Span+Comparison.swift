public import Glibc

extension Span<UInt8> {
    /// Returns whether both have the same bytes, in variable time: not for secrets.
    ///
    /// Inlined into other targets, where the length of a literal is known, because a verification asks some 20 times.
    @inlinable
    @inline(__always)
    package func hasSameBytes(as other: Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        return unsafe withUnsafeBytes { left in
            unsafe other.withUnsafeBytes { right in
                guard let left = left.baseAddress, let right = right.baseAddress else { return true }
                return unsafe memcmp(left, right, count) == 0
            }
        }
    }

    /// Compares without regard to ASCII case.
    ///
    /// - Parameter text: ASCII in lower case.
    package func isCaseInsensitivelyEqual(to text: StaticString) -> Bool {
        guard count == text.utf8CodeUnitCount else { return false }
        return text.withUTF8Buffer { letters in
            for index in indices {
                let octet = self[index]
                let isUpper = (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(octet)
                guard unsafe (isUpper ? octet | 0x20 : octet) == letters[index] else { return false }
            }
            return true
        }
    }
}
