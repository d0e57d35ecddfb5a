internal import Encoding

/// The entries of a part of all subjects, found by session and by subject.
struct EntryShard: Sendable {
    private var slots: [EntrySlot] = []
    /// The first slot without an entry; its `next` is the next one.
    private var free = SlotTable.none
    private var sids = SlotTable()
    /// The newest slot of each subject.
    private var subjects = SlotTable()
    private let key: FingerprintKey

    init(key: FingerprintKey) { self.key = key }

    var count: Int { sids.count }

    func slot(_ sid: UUID) -> EntrySlot? { place(sid).map { slots[Int($0)] } }

    /// Adds an entry as the newest of its subject.
    ///
    /// - Returns: false if there is one of this session already.
    mutating func insert(_ slot: EntrySlot) -> Bool {
        guard place(slot.sid) == nil else { return false }
        let place = freePlace(slot)
        let head = newest(of: slot.subject)
        if let head {
            slots[Int(place)].next = head
            slots[Int(head)].previous = place
        }
        index(place, replacing: head)
        return true
    }

    /// Removes the entry of a session.
    mutating func remove(_ sid: UUID) -> EntrySlot? {
        guard let place = place(sid) else { return nil }
        let slot = slots[Int(place)]
        unindex(slot)
        if slot.next != SlotTable.none { slots[Int(slot.next)].previous = slot.previous }
        if slot.previous != SlotTable.none { slots[Int(slot.previous)].next = slot.next }
        slots[Int(place)].state = []
        slots[Int(place)].next = free
        free = place
        return slot
    }

    /// Changes the state of a session's entry.
    mutating func change(_ sid: UUID, _ body: (inout EntrySlot.State) -> Void) {
        guard let place = place(sid) else { return }
        body(&slots[Int(place)].state)
    }

    /// Returns the entries of a subject, the last added first.
    func slots(of subject: UUID, upTo countMax: Int) -> [EntrySlot] {
        var found: [EntrySlot] = []
        var place = newest(of: subject) ?? SlotTable.none
        while place != SlotTable.none, found.count < countMax {
            found.append(slots[Int(place)])
            place = slots[Int(place)].next
        }
        return found
    }

    func all() -> [EntrySlot] { slots.filter { $0.state.contains(.used) } }

    /// Returns the memory of many removed entries.
    mutating func shrink() {
        guard slots.count > 1_024, count < slots.count / 2 else { return }
        var smaller = EntryShard(key: key)
        smaller.slots.reserveCapacity(count)
        // The oldest first, so that the newest of each subject is found first again.
        for head in all() where head.previous == SlotTable.none {
            for slot in slots(of: head.subject, upTo: .max).reversed() {
                var copy = slot
                copy.next = SlotTable.none
                copy.previous = SlotTable.none
                _ = smaller.insert(copy)
            }
        }
        self = smaller
    }

    private func place(_ sid: UUID) -> UInt32? {
        sids.find(key.fingerprint(sid)) { slots[Int($0)].sid == sid }
    }

    private func newest(of subject: UUID) -> UInt32? {
        subjects.find(key.fingerprint(subject)) { slots[Int($0)].subject == subject }
    }

    private mutating func freePlace(_ slot: EntrySlot) -> UInt32 {
        guard free == SlotTable.none else {
            let place = free
            free = slots[Int(place)].next
            slots[Int(place)] = slot
            return place
        }
        // By an eighth and not to double the size, which would waste half of it.
        if slots.count == slots.capacity { slots.reserveCapacity(slots.count + max(8, slots.count / 8)) }
        slots.append(slot)
        return UInt32(slots.count - 1)
    }

    /// Makes the slot at `place` findable.
    ///
    /// - Parameter head: the former newest slot of its subject.
    private mutating func index(_ place: UInt32, replacing head: UInt32?) {
        let (slots, key) = (slots, key)
        let slot = slots[Int(place)]
        sids.insert(place, key.fingerprint(slot.sid)) { key.fingerprint(slots[Int($0)].sid) }
        let subject = key.fingerprint(slot.subject)
        if let head {
            subjects.replace(subject, with: place) { $0 == head }
        } else {
            subjects.insert(place, subject) { key.fingerprint(slots[Int($0)].subject) }
        }
    }

    private mutating func unindex(_ slot: EntrySlot) {
        let (slots, key) = (slots, key)
        sids.remove(key.fingerprint(slot.sid), hashOf: { key.fingerprint(slots[Int($0)].sid) }) {
            slots[Int($0)].sid == slot.sid
        }
        guard slot.previous == SlotTable.none else { return }
        let subject = key.fingerprint(slot.subject)
        if slot.next == SlotTable.none {
            subjects.remove(subject, hashOf: { key.fingerprint(slots[Int($0)].subject) }) {
                slots[Int($0)].subject == slot.subject
            }
        } else {
            subjects.replace(subject, with: slot.next) { slots[Int($0)].subject == slot.subject }
        }
    }
}
