/// The places that a failure is remembered for, as keyed hashes.
struct FailurePlace: Equatable, Sendable {
    let address: UInt64
    let network: UInt64
}

/// When addresses and networks last failed, in milliseconds of a monotonic clock. Where a set of a table is full, the
/// earliest failure is forgotten.
struct FailureTimes: Sendable {
    private(set) var addresses: KeyedTable
    private(set) var networks: KeyedTable

    init(entryCountMax: Int) {
        addresses = KeyedTable(entryCountMax: entryCountMax)
        networks = KeyedTable(entryCountMax: entryCountMax)
    }

    /// Returns the last failure of the address or of any other one in its network; nil if none is remembered.
    func last(_ place: FailurePlace) -> Int64? {
        guard let ofAddress = addresses[place.address] else { return networks[place.network] }
        return max(ofAddress, networks[place.network] ?? ofAddress)
    }

    mutating func note(_ place: FailurePlace, at now: Int64) {
        addresses[place.address] = now
        networks[place.network] = now
    }
}
