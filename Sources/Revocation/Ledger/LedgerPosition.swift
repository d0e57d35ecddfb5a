internal import Encoding

/// A place in the one order of all records, such as `1:4194401`.
///
/// An epoch is a history without a gap. A new one begins far above every number of the one before, so the numbers alone
/// are ordered.
package struct LedgerPosition: Comparable, Hashable, Sendable {
    /// From 1. A ledger that was restored from an older copy continues in another epoch.
    package let epoch: UInt32
    /// The number of the record; 0 before the first.
    package let seq: UInt64

    package init(epoch: UInt32, seq: UInt64) {
        self.epoch = epoch
        self.seq = seq
    }

    /// Returns nil for anything but ``text``: two decimal numbers without signs and leading zeros, joined by a colon.
    package init?(text: some StringProtocol) {
        let parts = text.utf8.split(separator: UInt8(ascii: ":"), maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 2, let epoch = Self.number(parts[0]), let seq = Self.number(parts[1]),
            let epoch = UInt32(exactly: epoch), epoch > 0
        else { return nil }
        self.init(epoch: epoch, seq: seq)
    }

    /// The form of the field `Revocation-Seq` and of all members that name a position.
    package var text: String { "\(epoch):\(seq)" }

    /// Appends ``text``.
    package func write(to output: inout [UInt8]) {
        output.append(addingCapacity: 41) { bytes in
            bytes.append(decimal: UInt64(epoch))
            bytes.append(UInt8(ascii: ":"))
            bytes.append(decimal: seq)
        }
    }

    package static func < (left: LedgerPosition, right: LedgerPosition) -> Bool { left.seq < right.seq }

    private static func number(_ digits: some Collection<UInt8>) -> UInt64? {
        guard let first = digits.first, digits.count == 1 || first != UInt8(ascii: "0") else { return nil }
        var value: UInt64 = 0
        for digit in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            let (product, isTooLarge) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflows) = product.addingReportingOverflow(UInt64(digit &- UInt8(ascii: "0")))
            guard !isTooLarge, !overflows else { return nil }
            value = sum
        }
        return value
    }
}

extension LedgerPosition: CustomStringConvertible {
    package var description: String { text }
}
