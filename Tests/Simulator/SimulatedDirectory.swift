/// A directory as the kernel has it and as the medium has it. Its names lead to numbers of files.
struct SimulatedDirectory {
    private enum Change {
        case link(String, Int)
        case unlink(String)
        case rename(String, to: String, Int)
    }

    private(set) var names: [String: Int] = [:]
    private(set) var durable: [String: Int] = [:]
    private var changes: [Change] = []
    /// How often names were changed.
    private(set) var changeCount: UInt64 = 0

    /// All that may be named after a power cut.
    var files: Set<Int> {
        var files = Set(names.values).union(durable.values)
        for change in changes {
            switch change {
            case .link(_, let file), .rename(_, to: _, let file): files.insert(file)
            case .unlink: break
            }
        }
        return files
    }

    mutating func link(_ name: String, _ file: Int) { make(.link(name, file)) }
    mutating func unlink(_ name: String) { make(.unlink(name)) }
    mutating func rename(_ name: String, to newName: String) {
        guard let file = names[name] else { return }
        make(.rename(name, to: newName, file))
    }

    mutating func synchronize() {
        durable = names
        changes = []
    }

    mutating func cutPower(_ random: inout SplitMix) {
        settle(&random)
        changes = []
        names = durable
    }

    /// Most file systems keep the order of changes, some do not.
    private mutating func settle(_ random: inout SplitMix) {
        if random.below(4) == 0 {
            for change in changes where random.below(2) == 0 { Self.apply(change, to: &durable) }
        } else {
            for change in changes.prefix(random.below(changes.count + 1)) { Self.apply(change, to: &durable) }
        }
    }

    private mutating func make(_ change: Change) {
        changes.append(change)
        changeCount += 1
        Self.apply(change, to: &names)
    }

    private static func apply(_ change: Change, to names: inout [String: Int]) {
        switch change {
        case .link(let name, let file): names[name] = file
        case .unlink(let name): names[name] = nil
        case .rename(let name, let newName, let file):
            if names[name] == file { names[name] = nil }
            names[newName] = file
        }
    }
}
