import Glibc

/// Octets that must not be seen: never printed, overwritten when the last holder lets go.
@safe package final class Secret: Sendable {
    /// Owned; written only in `init` and `deinit`, which is why sharing it is safe.
    private nonisolated(unsafe) let storage: UnsafeMutableRawBufferPointer

    package var byteCount: Int { unsafe storage.count }

    /// Takes a copy; the caller's array is overwritten if nobody else holds it.
    package init(_ octets: consuming [UInt8]) {
        let count = octets.count
        unsafe storage = .allocate(byteCount: count, alignment: 1)
        unsafe storage.copyBytes(from: octets)
        unsafe octets.withUnsafeMutableBytes { buffer in
            guard let base = buffer.baseAddress else { return }
            unsafe explicit_bzero(base, buffer.count)
        }
    }

    deinit {
        if let base = unsafe storage.baseAddress { unsafe explicit_bzero(base, storage.count) }
        unsafe storage.deallocate()
    }

    package func withBytes<Result, Fault: Error>(_ body: (Span<UInt8>) throws(Fault) -> Result) throws(Fault) -> Result
    {
        let span = unsafe Span<UInt8>(_unsafeBytes: UnsafeRawBufferPointer(storage))
        return try body(span)
    }
}

extension Secret {
    /// A copy for a library that wants an array; overwriting it is the holder's business.
    package var octets: [UInt8] {
        withBytes { span in
            var octets: [UInt8] = []
            octets.reserveCapacity(span.count)
            for index in span.indices { octets.append(span[index]) }
            return octets
        }
    }
}

extension Secret: CustomStringConvertible, CustomReflectable {
    package var description: String { "<secret>" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
