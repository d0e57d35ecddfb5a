/// Disk space that a file of zeros reserves, released when a record that may use it finds no other space.
///
/// Without it, other records could fill the disk completely, and those would fail too.
struct ReserveFile {
    static let name = "RESERVE"

    private let storage: any JournalStorage
    /// 0 for none.
    private let byteCount: Int
    private(set) var isHeld = false

    init(_ storage: any JournalStorage, byteCount: Int) {
        self.storage = storage
        self.byteCount = byteCount
    }

    var isWanted: Bool { byteCount > 0 }

    /// Finds the reserve of an earlier process.
    mutating func find() {
        guard isWanted, let found = try? storage.names().contains(Self.name), found else { return }
        isHeld = (try? storage.byteCount(of: Self.name)).map { $0 >= UInt64(byteCount) } ?? false
    }

    /// Allocates the reserve completely or not at all.
    mutating func hold() throws(JournalError) {
        guard isWanted, !isHeld else { return }
        try storage.create(Self.name, content: [UInt8](repeating: 0, count: byteCount)).close()
        isHeld = true
    }

    /// Releases the reserve.
    ///
    /// - Returns: whether that freed space.
    mutating func giveUp() -> Bool {
        guard isHeld else { return false }
        isHeld = false
        do throws(JournalError) {
            try storage.remove(Self.name)
            return true
        } catch {
            return false
        }
    }
}
