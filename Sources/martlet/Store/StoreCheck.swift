import App
import Encoding
import Platform
import Revocation
import Store

/// Implements `martlet store check`: what a store promises, and how fast it is from here.
enum StoreCheck {
    private static let tripCount = 20
    private static let window = 64
    /// Milliseconds for each measurement of writes.
    private static let writeTime = 500

    /// - Returns: whether every promise is kept.
    static func run(_ words: [String]) throws(CommandError) -> Bool {
        let store = try ConnectedStore(try Arguments.parse(words, options: ConnectedStore.options))
        defer { store.engine.disconnect() }
        var rows: [(String, String)] = [("store", store.source.name), ("engine", store.report.version)]
        var isWell = judge(store, &rows)
        do throws(StoreFault) {
            isWell = try measure(store, &rows) && isWell
        } catch {
            show(rows)
            throw CommandError(error)
        }
        show(rows)
        return isWell
    }

    private static func show(_ rows: [(String, String)]) {
        Terminal.write(rows.map { "\($0.0.padded(to: 14))  \(Printable.text($0.1))\n" }.joined())
    }

    /// Adds what the settings of the engine mean for acknowledged records.
    private static func judge(_ store: ConnectedStore, _ rows: inout [(String, String)]) -> Bool {
        let report = store.report
        for flaw in report.flaws {
            rows.append(("loses records", "\(flaw.setting) is \(flaw.value). \(flaw.remedy)"))
        }
        if !report.areSettingsKnown {
            rows.append(
                (
                    "not known",
                    "the settings cannot be read. Allow it, or if you are sure of them, set \(Setting.storeDurability.name)=trusted"
                ))
        }
        let hasReplicas = report.replicaCount >= store.connection.replicas
        rows.append(
            (
                "replicas",
                "\(report.replicaCount), \(store.connection.replicas) demanded"
                    + (hasReplicas ? "" : ": nothing is acknowledged before there are as many")
            ))
        let isDurable = report.flaws.isEmpty && report.areSettingsKnown
        if isDurable { rows.append(("settings", "acknowledged records survive kill -9 and power loss of the store")) }
        return hasReplicas && (isDurable || store.connection.durability != .strict)
    }

    private static func measure(_ store: ConnectedStore, _ rows: inout [(String, String)]) throws(StoreFault) -> Bool {
        var trips: [Int64] = []
        var offset: (trip: Int64, milliseconds: Int64) = (.max, 0)
        var head = store.report.head
        for _ in 0..<tripCount {
            let (wall, began) = (SystemClock.wall.now, MonotonicClock.nanoseconds())
            let status = try store.engine.status(by: ConnectedStore.deadline)
            let trip = MonotonicClock.nanoseconds() - began
            trips.append(trip)
            head = status.head
            if trip < offset.trip { offset = (trip, wall.milliseconds(since: status.now) + trip / 2_000_000) }
        }
        trips.sort()
        rows.append(("round trip", "\(text(trips[tripCount / 2])) in the middle of \(tripCount)"))
        let isClockWell = abs(offset.milliseconds) <= 1_000
        rows.append(
            (
                "clock",
                "\(offset.milliseconds > 0 ? "+" : "")\(offset.milliseconds) ms against the store"
                    + (isClockWell ? "" : ": above 1 s. Let all machines set their clocks by NTP")
            ))
        guard let head else {
            rows.append(("writes", "not measured, because no server has used this store yet"))
            return isClockWell
        }
        let alone = try writes(store, head.position.epoch, window: 1)
        let together = try writes(store, head.position.epoch, window: window)
        rows.append(("writes", "\(alone) per second one by one, \(together) in batches of \(window)"))
        return isClockWell
    }

    /// Returns how many records become durable in a second. They say that a session with the lowest id began, which means
    /// nothing to any server.
    private static func writes(_ store: ConnectedStore, _ epoch: UInt32, window: Int) throws(StoreFault) -> Int64 {
        let record = RevocationCodec.record(.sessionOpened(sid: UUID(high: 0, low: 0)))
        let began = MonotonicClock.nanoseconds()
        let end = began + Int64(writeTime) * 1_000_000
        var count: Int64 = 0
        while MonotonicClock.nanoseconds() < end {
            let steps = (0..<window).map { _ in StoreStep.append([record]) }
            let outcomes = try store.engine.commit(steps, epoch: epoch, by: ConnectedStore.deadline)
            for outcome in outcomes {
                switch outcome {
                case .recorded: count += 1
                case .failed(let fault): throw fault
                case .unconfirmed:
                    throw .busy(reason: "fewer replicas than \(Setting.storeReplicas.name) have the records")
                default: throw .malformed(reason: "the outcome of another step")
                }
            }
        }
        return count * 1_000_000_000 / max(1, MonotonicClock.nanoseconds() - began)
    }

    private static func text(_ nanoseconds: Int64) -> String {
        let hundredths = (nanoseconds + 5_000) / 10_000
        let rest = hundredths % 100
        return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest) ms"
    }
}
