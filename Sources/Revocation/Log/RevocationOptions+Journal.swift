package import Journal
package import Platform

extension RevocationOptions {
    package init(
        storage: any JournalStorage, grace: Int64, sessionMax: Int64?, clock: WallClock,
        monotonicNow: @escaping @Sendable () -> Int64, random: @escaping @Sendable () -> UInt64
    ) {
        self.init(
            ledger: FileLedgerSource(storage: storage, clock: clock, random: random), grace: grace,
            sessionMax: sessionMax, clock: clock, monotonicNow: monotonicNow, random: random)
    }

    package init(
        directory: String, grace: Int64, sessionMax: Int64?, clock: WallClock,
        monotonicNow: @escaping @Sendable () -> Int64, random: @escaping @Sendable () -> UInt64
    ) {
        self.init(
            storage: DirectoryStorage(path: directory), grace: grace, sessionMax: sessionMax, clock: clock,
            monotonicNow: monotonicNow, random: random)
    }
}
