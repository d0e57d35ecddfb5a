import Glibc

/// Secret bytes: never printed, and overwritten when the last reference is released.
@safe package final class Secret: Sendable {
    /// Owned; written only in `init` and `deinit`, which is why sharing it is safe.
    private nonisolated(unsafe) let storage: UnsafeMutableRawBufferPointer

    package var byteCount: Int { unsafe storage.count }

    /// Copies the bytes and overwrites the given array if it has no other reference.
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
    /// Returns a copy for a library that needs an array. The caller must overwrite it after use.
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
