import Encoding
import Glibc
import Platform
import Synchronization

/// Measures the journal and what is built from it inside one process, for scripts/bench/journal.py, which reads its lines
/// of JSON. Not part of the product: it is built only where MARTLET_BENCH is set.
@main
enum JournalBench {
    nonisolated static let usage = """
        usage: martlet-journal-bench fill DIR COUNT revocations | sessions | half-dead
               martlet-journal-bench fill DIR COUNT entries SUBJECT
               martlet-journal-bench sync DIR
               martlet-journal-bench read DIR
               martlet-journal-bench open DIR
               martlet-journal-bench compact DIR SECONDS

        """

    nonisolated static func main() {
        let words = Array(CommandLine.arguments.dropFirst())
        do {
            switch (words.first, words.count) {
            case ("fill", 4):
                guard let count = UInt64(words[2]), let kind = Filling(rawValue: words[3]) else { refuse() }
                try fill(words[1], count, kind)
            case ("fill", 5):
                guard let count = UInt64(words[2]), words[3] == Filling.entries.rawValue else { refuse() }
                try fill(words[1], count, .entries, subject: words[4])
            case ("sync", 2): try measureSync(words[1])
            case ("read", 2): try measureReading(words[1])
            case ("open", 2): try measureOpening(words[1])
            case ("compact", 3):
                guard let seconds = Int64(words[2]) else { refuse() }
                try measureCompaction(words[1], seconds: seconds)
            default: refuse()
            }
        } catch {
            print("martlet-journal-bench: \(error)")
            exit(1)
        }
    }

    nonisolated private static func refuse() -> Never {
        print(usage)
        exit(2)
    }
}

func say(_ name: String, _ value: Double) { print("{\"name\":\"\(name)\",\"value\":\(value)}") }

/// CLOCK_MONOTONIC.
func nanoseconds() -> Int64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}

/// Processor time of the whole process so far, in nanoseconds: what a busy machine stretches least.
func processorNanoseconds() -> Int64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}

/// The time of the wall clock.
func wallClock() -> UnixMilliseconds {
    var time = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    return UnixSeconds(Int64(time.tv_sec)).milliseconds.adding(milliseconds: Int64(time.tv_nsec) / 1_000_000)
}

/// Octets of this process in memory (proc(5), statm).
func residentByteCount() -> Int64 {
    let file = unsafe open("/proc/self/statm", O_RDONLY)
    var text = [UInt8](repeating: 0, count: 128)
    let count = unsafe Glibc.read(file, &text, text.count)
    close(file)
    let fields = String(decoding: text.prefix(max(0, count)), as: UTF8.self).split(separator: " ")
    return fields.count > 1 ? (Int64(fields[1]) ?? 0) * 4_096 : 0
}

/// The value below which `share` of `values` lie.
func quantile(_ share: Double, of values: [Int64]) -> Int64 {
    guard !values.isEmpty else { return 0 }
    let sorted = values.sorted()
    return sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]
}

/// SplitMix64, so that every run makes the same identifiers.
struct Numbers {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }
}

/// Counts down what is under way, and lets one thread wait for it.
final class Countdown: Sendable {
    private let left = Atomic<Int>(0)
    private let failed = Atomic<Bool>(false)

    func begin() { left.wrappingAdd(1, ordering: .relaxed) }

    func end(_ isGood: Bool) {
        if !isGood { failed.store(true, ordering: .relaxed) }
        left.wrappingSubtract(1, ordering: .releasing)
    }

    var isDone: Bool { left.load(ordering: .acquiring) == 0 }

    /// - Returns: whether nothing has failed.
    func wait(atMost count: Int) -> Bool {
        while left.load(ordering: .acquiring) > count { usleep(50) }
        return !failed.load(ordering: .relaxed)
    }
}
