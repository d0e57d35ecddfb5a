/// What goes wrong on a disk, and how often. Rates are per thousand calls.
struct Faults {
    var failingSync = 0
    var failingWrite = 0
    var failingName = 0
    var shortWrite = 0
    var interruption = 0
    /// Nothing that takes up new room succeeds.
    var isFull = false
    var isReadOnly = false
    var hasNoDescriptors = false

    static let none = Faults()

    var isNone: Bool {
        failingSync + failingWrite + failingName == 0 && !isFull && !isReadOnly && !hasNoDescriptors
    }

    /// Not all at once: a seed that has few kinds of faults gets further with them.
    static func drawn(_ random: inout SplitMix) -> Faults {
        var faults = Faults()
        if random.below(2) == 0 { faults.failingSync = 5 + random.below(80) }
        if random.below(4) == 0 { faults.failingWrite = random.below(60) }
        if random.below(4) == 0 { faults.failingName = random.below(60) }
        if random.below(2) == 0 { faults.shortWrite = random.below(400) }
        if random.below(2) == 0 { faults.interruption = random.below(300) }
        return faults
    }
}
