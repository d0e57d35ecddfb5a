import HTTPClient
import JOSE
import OpenSSL
import Platform
import Revocation
import Telemetry

/// The requests of a follower, one after the other. One thread uses it after its creation, hence `@unchecked Sendable`.
final class FollowRun: @unchecked Sendable {
    /// Seconds that a source may hold a request while there is nothing new.
    private static let waitSeconds = 1
    private static let recordLimits = KeptClient.Limits(
        bodyByteCountMax: FeedBatch.recordCountMax * 64, milliseconds: 8_000)
    private static let snapshotLimits = KeptClient.Limits(
        bodyByteCountMax: SnapshotClaims.recordCountMax * 64 + 16_384, milliseconds: 600_000)
    /// Milliseconds between two empty answers of a source that does not hold requests.
    private static let emptyPause: Int64 = 50
    /// The age in milliseconds from which a relay replaces its snapshot: its own followers continue at the position of
    /// that snapshot, and the records since then are in memory for an hour.
    private static let relayAgeMax: Int64 = 600_000
    /// Milliseconds between two snapshots that are read for the files only.
    private static let healingPause: Int64 = 30_000

    private let options: Follower.Options
    private let copy: FollowedCopy
    private let feed: FollowedFeed
    private let sink: Follower.Sink
    private let log: Log
    private let clients: [KeptClient]
    private var machine: FollowMachine
    private var keys: KeySetSchedule
    private var keySet: VerificationKeySet?
    private var lastFault: String?
    private var saidFault: String?
    private var healedAt: Int64?
    private var snapshotAt: Int64?
    private let isRelay: () -> Bool

    init(
        _ options: Follower.Options, _ opened: OpenedCopy, _ feed: FollowedFeed, _ sink: Follower.Sink, _ log: Log,
        isRelay: @escaping () -> Bool
    ) {
        self.isRelay = isRelay
        self.options = options
        copy = opened.copy
        self.feed = feed
        self.sink = sink
        self.log = log
        clients = options.sources.map { KeptClient($0.address, credentials: options.credentials) }
        machine = FollowMachine(sourceCount: options.sources.count, position: opened.loaded.position)
        keys = KeySetSchedule()
        keySet = opened.copy.keySet.flatMap { try? VerificationKeySet(parsing: $0.span, algorithm: nil) }
    }

    private var source: FollowSource { options.sources[machine.source] }
    private var client: KeptClient { clients[machine.source] }

    /// Does one request.
    ///
    /// - Returns: how many milliseconds to wait before the next one.
    func step() -> Int64 {
        let asked = machine.source
        do throws(FollowFault) {
            if keys.isDue(at: feed.now, missed: feed.missedKeys) { try readKeys() }
            let pause: Int64
            switch machine.request {
            case .snapshot:
                try readSnapshot()
                pause = 0
            case .records(let position): pause = try readRecords(after: position)
            }
            noteSuccess(asked)
            sayCopy()
            return pause
        } catch {
            return noteFailure(error, asked)
        }
    }

    private func readRecords(after position: LedgerPosition) throws(FollowFault) -> Int64 {
        let sentAt = feed.now
        let wait = machine.isCurrent ? Self.waitSeconds : 0
        let answer: Answer
        do throws(FetchError) {
            answer = try client.get(
                source.target("/revocations?after=\(position.text)&wait=\(wait)"),
                accept: FeedBatch.contentType, Self.recordLimits)
        } catch {
            throw .fetch(error)
        }
        let arrivedAt = feed.now
        let batch = try FeedBatch(answer, after: position, issuer: options.issuer)
        sink.apply(batch.records, batch.position)
        // The request cannot have waited for longer than its answer took.
        let asOf = batch.isComplete ? sentAt + min(batch.held, arrivedAt - sentAt) - batch.age : nil
        feed.advance(to: batch.position, asOf: asOf)
        feed.count { figures in
            figures.answers &+= 1
            figures.records &+= UInt64(batch.records.count)
        }
        copy.append(batch, asOf: asOf)
        machine.took(batch)
        if isCopyDue { machine.wantSnapshot() }
        return batch.records.isEmpty && feed.now - sentAt < Self.emptyPause ? Self.emptyPause : 0
    }

    /// Whether a snapshot is needed only for the files.
    private var isCopyDue: Bool {
        let now = feed.now
        let isOld = !copy.isLogEmpty && isRelay() && snapshotAt.map { now - $0 >= Self.relayAgeMax } ?? true
        guard copy.fault != nil || copy.isLogLong || isOld else { return false }
        guard healedAt.map({ now - $0 >= Self.healingPause }) ?? true else { return false }
        healedAt = now
        return true
    }

    private func readSnapshot() throws(FollowFault) {
        if keySet == nil { try readKeys() }
        guard let keySet else { throw .snapshot("the source publishes no key that could have signed it") }
        let download = SnapshotDownload(
            SnapshotReader(keys: keySet, issuer: options.issuer), SnapshotSpool(try? copy.newSnapshotFile()))
        let answer: Answer
        do throws(FetchError) {
            answer = try client.get(
                source.target("/revocations/snapshot"), accept: "application/vnd.martlet.snapshot",
                Self.snapshotLimits, into: download)
        } catch {
            throw download.fault ?? .fetch(error)
        }
        try FeedBatch.checkStatus(answer)
        let claims = try download.reader.finish()
        let spool = download.spool
        var count = 0
        try spool.read(claims) { [sink] records in
            sink.add(records)
            count += records.count
        }
        let use = machine.took(snapshotAt: claims.position)
        if let file = spool.file { copy.adopt(file, claims, use) }
        guard let position = machine.position else { return }
        sink.restart(position)
        snapshotAt = feed.now
        feed.advance(to: position, asOf: nil)
        feed.count { figures in
            figures.snapshots &+= 1
            if use == .reset { figures.resets &+= 1 }
        }
        log.write(use == .reset ? .warning : .info, use == .reset ? "feed_reset" : "feed_snapshot_read") { line in
            line.add("source", source.text)
            line.add("position", claims.position.text)
            line.add("records", count)
            if use == .reset {
                line.add("reason", lastFault ?? "the source has another epoch")
                line.add("kept", "every revocation that was known before")
            }
        }
    }

    private func readKeys() throws(FollowFault) {
        let now = feed.now
        let missed = feed.missedKeys
        keys.asked(at: now, missed: missed)
        let answer: Answer
        do throws(FetchError) {
            let fields = keys.etag.map { [(name: "If-None-Match", value: $0)] } ?? []
            answer = try client.get(
                source.target("/.well-known/jwks.json"), accept: "application/json", fields: fields, isPrivate: false,
                KeptClient.Limits(bodyByteCountMax: VerificationKeySet.byteCountMax, milliseconds: 8_000))
        } catch {
            throw .fetch(error)
        }
        if answer.status == 304 { return }
        guard answer.status == 200 else { throw .status(answer.status) }
        if let fault = sink.takeKeys(answer.body) { throw .keys(fault) }
        keySet = try? VerificationKeySet(parsing: answer.body.span, algorithm: nil)
        keys.etag = answer.field("etag").flatMap { KeySetSchedule.isTag($0) ? $0 : nil }
        copy.keep(keySet: answer.body)
    }
}

extension FollowRun {
    private func noteSuccess(_ asked: Int) {
        let isNew = feed.become(.following) || lastFault != nil
        lastFault = nil
        guard isNew else { return }
        log.write(.info, "feed_followed") { line in
            line.add("source", options.sources[asked].text)
            if let position = machine.position { line.add("position", position.text) }
        }
    }

    private func noteFailure(_ fault: FollowFault, _ asked: Int) -> Int64 {
        clients[asked].close()
        let pause = machine.failed(fault, at: feed.now, random: Self.random())
        feed.count { $0.failures &+= 1 }
        keys.sourceChanged()
        let text = fault.description
        // A source that restarts makes one line, not hundreds.
        let isNews = text != lastFault
        lastFault = text
        guard pause > 0 else { return pause }
        feed.become(machine.condition)
        guard isNews else { return pause }
        let isDamage = machine.condition == .damaged
        log.write(isDamage ? .error : .warning, isDamage ? "feed_damaged" : "feed_away") { line in
            line.add("source", options.sources[asked].text)
            line.add("reason", text)
            if let position = machine.position { line.add("position", position.text) }
            if let age = feed.age { line.add("age_ms", age) }
        }
        return pause
    }

    /// Says once that the files are behind, and once that they are not any more.
    private func sayCopy() {
        let fault = copy.fault.map(\.description)
        feed.count { $0.isCopyWritable = fault == nil }
        guard fault != saidFault else { return }
        saidFault = fault
        guard let fault else { return log.write(.info, "followed_copy_writable") }
        log.write(.error, "followed_copy_unwritable") { line in
            line.add("reason", fault)
            line.add("effect", "what is known applies in memory; a restart would continue from an older copy")
        }
    }

    private static func random() -> UInt64 { Random.next64() }
}

/// A snapshot on its way from the source to the spool.
private final class SnapshotDownload: ContentSink {
    private(set) var reader: SnapshotReader
    private(set) var spool: SnapshotSpool
    private(set) var fault: FollowFault?

    init(_ reader: SnapshotReader, _ spool: SnapshotSpool) {
        self.reader = reader
        self.spool = spool
    }

    func take(_ part: [UInt8]) throws(FetchError) {
        do throws(FollowFault) {
            try reader.take(part)
            try spool.append(part)
        } catch {
            fault = error
            throw .answer(.malformed)
        }
    }
}
