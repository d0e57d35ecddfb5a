/// Room on the disk that is held by a file of zeros, and given up when a revocation finds no other.
///
/// Without it a full disk would have to choose between logins, which fill it, and revocations, which cannot wait.
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

    /// Finds what an earlier process laid by.
    mutating func find() {
        guard isWanted, let found = try? storage.names().contains(Self.name), found else { return }
        isHeld = (try? storage.byteCount(of: Self.name)).map { $0 >= UInt64(byteCount) } ?? false
    }

    /// Lays it by, whole or not at all.
    mutating func hold() throws(JournalError) {
        guard isWanted, !isHeld else { return }
        try storage.create(Self.name, content: [UInt8](repeating: 0, count: byteCount)).close()
        isHeld = true
    }

    /// - Returns: whether there is room now that was not there before.
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
