internal import Encoding

/// The entries of a part of all subjects, found by session and by subject.
struct EntryShard: Sendable {
    private var slots = EntrySlots()
    /// The first slot without an entry; its `next` is the next one.
    private var free = SlotTable.none
    private var sids = SlotTable()
    /// The newest slot of each subject.
    private var subjects = SlotTable()
    private let key: FingerprintKey

    init(key: FingerprintKey) { self.key = key }

    var count: Int { sids.count }

    func slot(_ sid: UUID) -> EntrySlot? { place(sid).map { slots[$0] } }

    /// Adds an entry as the newest of its subject.
    ///
    /// - Returns: false if there is one of this session already.
    mutating func insert(_ slot: EntrySlot) -> Bool {
        guard place(slot.sid) == nil else { return false }
        let place = freePlace(slot)
        let head = newest(of: slot.subject)
        if let head {
            slots[place].next = head
            slots[head].previous = place
        }
        index(place, replacing: head)
        return true
    }

    /// Removes the entry of a session.
    mutating func remove(_ sid: UUID) -> EntrySlot? {
        guard let place = place(sid) else { return nil }
        let slot = slots[place]
        unindex(slot)
        if slot.next != SlotTable.none { slots[slot.next].previous = slot.previous }
        if slot.previous != SlotTable.none { slots[slot.previous].next = slot.next }
        slots[place].state = []
        slots[place].next = free
        free = place
        return slot
    }

    /// Changes the state of a session's entry.
    mutating func change(_ sid: UUID, _ body: (inout EntrySlot.State) -> Void) {
        guard let place = place(sid) else { return }
        body(&slots[place].state)
    }

    /// Returns the entries of a subject, the last added first.
    func slots(of subject: UUID, upTo countMax: Int) -> [EntrySlot] {
        var found: [EntrySlot] = []
        var place = newest(of: subject) ?? SlotTable.none
        while place != SlotTable.none, found.count < countMax {
            found.append(slots[place])
            place = slots[place].next
        }
        return found
    }

    func all() -> [EntrySlot] { slots.used() }

    /// Returns the memory of many removed entries.
    mutating func shrink() {
        guard slots.count > 1_024, count < slots.count / 2 else { return }
        var smaller = EntryShard(key: key)
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
        sids.find(key.fingerprint(sid)) { slots[$0].sid == sid }
    }

    private func newest(of subject: UUID) -> UInt32? {
        subjects.find(key.fingerprint(subject)) { slots[$0].subject == subject }
    }

    private mutating func freePlace(_ slot: EntrySlot) -> UInt32 {
        guard free == SlotTable.none else {
            let place = free
            free = slots[place].next
            slots[place] = slot
            return place
        }
        return slots.append(slot)
    }

    /// Makes the slot at `place` findable.
    ///
    /// - Parameter head: the former newest slot of its subject.
    private mutating func index(_ place: UInt32, replacing head: UInt32?) {
        let (slots, key) = (slots, key)
        let slot = slots[place]
        sids.insert(place, key.fingerprint(slot.sid)) { key.fingerprint(slots[$0].sid) }
        let subject = key.fingerprint(slot.subject)
        if let head {
            subjects.replace(subject, with: place) { $0 == head }
        } else {
            subjects.insert(place, subject) { key.fingerprint(slots[$0].subject) }
        }
    }

    private mutating func unindex(_ slot: EntrySlot) {
        let (slots, key) = (slots, key)
        sids.remove(key.fingerprint(slot.sid), hashOf: { key.fingerprint(slots[$0].sid) }) {
            slots[$0].sid == slot.sid
        }
        guard slot.previous == SlotTable.none else { return }
        let subject = key.fingerprint(slot.subject)
        if slot.next == SlotTable.none {
            subjects.remove(subject, hashOf: { key.fingerprint(slots[$0].subject) }) {
                slots[$0].subject == slot.subject
            }
        } else {
            subjects.replace(subject, with: slot.next) { slots[$0].subject == slot.subject }
        }
    }
}
