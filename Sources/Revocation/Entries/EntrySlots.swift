/// Slots by number, in pieces that never move: growing copies nothing and leaves no unused memory.
struct EntrySlots: Sendable {
    private static let bits = 6
    private static let pieceCount = 1 << bits

    private var pieces: [[EntrySlot]] = []
    private(set) var count = 0

    subscript(place: UInt32) -> EntrySlot {
        get { pieces[Int(place) >> Self.bits][Int(place) & (Self.pieceCount - 1)] }
        _modify { yield &pieces[Int(place) >> Self.bits][Int(place) & (Self.pieceCount - 1)] }
    }

    /// Appends a slot.
    ///
    /// - Returns: its number.
    mutating func append(_ slot: EntrySlot) -> UInt32 {
        if count & (Self.pieceCount - 1) == 0 {
            var piece: [EntrySlot] = []
            piece.reserveCapacity(Self.pieceCount)
            pieces.append(piece)
        }
        pieces[count >> Self.bits].append(slot)
        count += 1
        return UInt32(count - 1)
    }

    func used() -> [EntrySlot] { pieces.flatMap { $0.filter { $0.state.contains(.used) } } }
}
