import Journal
import Platform
import Revocation

extension StoreWriter {
    /// Milliseconds for reading everything that lives.
    private static let loadMilliseconds: Int64 = 600_000
    /// Records of one step that tells the engine something.
    private static let tellCount = 1_024

    /// Makes the engine and this node agree about the epoch, and tells the engine what it may lack.
    ///
    /// - Returns: the present epoch.
    func reconcile(_ report: EngineReport) throws(StoreFault) -> UInt32 {
        let own = mirror.position
        let isNew = own.seq == 0
        guard let head = report.head else {
            let epoch = isNew ? 1 : own.epoch &+ 1
            let seq = isNew ? 1 : LedgerEpochs.beginning(above: own.seq)
            return try begin(epoch, at: seq, report, "the engine has nothing of this service", tellingAbove: 0)
        }
        let isBehind =
            head.position.epoch < own.epoch || head.position.epoch == own.epoch && head.position.seq < own.seq
        // Behind without a failover: an older state was restored, and others may have written to it.
        let isRestored = isBehind && head.identity == report.identity
        if !isNew, isRestored || mirror.hasOtherHistory { return try merge(head, report) }
        let hasUnknown = mirror.hasUnknownHistory
        if head.identity != report.identity || isBehind {
            let known = max(head.position.seq, own.seq, mirror.safeSeq)
            let reason = isBehind ? "the engine lacks records that it had" : "the engine was restarted or failed over"
            return try begin(
                max(head.position.epoch, own.epoch) &+ 1, at: LedgerEpochs.beginning(above: known), report, reason,
                tellingAbove: hasUnknown ? 0 : Self.missing(own, head, safeSeq: mirror.safeSeq))
        }
        if head.position.epoch > mirror.allowedEpoch || head.position.epoch > own.epoch {
            // Another node has begun it, and knows only what it had itself.
            if !isNew, !hasUnknown { try tell(above: min(own.seq, mirror.safeSeq), epoch: head.position.epoch) }
            mirror.allow(epoch: head.position.epoch)
        }
        // An older state may have been restored while this node was away, and written to for longer than the log goes back.
        if !isNew, hasUnknown {
            try tell(above: 0, epoch: head.position.epoch)
            mirror.note(unknownHistory: false)
        }
        if isNew, head.position.seq > 0 { try load() }
        return head.position.epoch
    }

    /// Returns above which number the engine may lack records of this node; nil if it has all.
    private static func missing(_ own: LedgerPosition, _ head: EngineHead, safeSeq: UInt64) -> UInt64? {
        if own.seq == 0 { return nil }
        // Older than what all replicas had, it was restored from a copy.
        if head.position.seq < safeSeq { return 0 }
        guard own.epoch == head.position.epoch else {
            return own.epoch > head.position.epoch ? 0 : min(own.seq, safeSeq)
        }
        return own.seq > head.position.seq ? head.position.seq : nil
    }

    /// Joins what this node has with an engine that has other records at the same positions, in an epoch above both.
    private func merge(_ head: EngineHead, _ report: EngineReport) throws(StoreFault) -> UInt32 {
        let own = mirror.position
        var epoch = head.position.epoch
        if epoch <= own.epoch || head.identity != report.identity {
            epoch = max(epoch, own.epoch) &+ 1
            let known = max(head.position.seq, own.seq, mirror.safeSeq)
            let began = try engine.begin(
                epoch: epoch, at: LedgerEpochs.beginning(above: known), expecting: head, identity: report.identity,
                by: deadline)
            guard began.position.epoch == epoch else { throw .epoch(began) }
            options.observe(
                .epochBegan(
                    began.position,
                    reason: "the engine has other records than this node, like one restored from a backup"))
        }
        try tell(above: 0, epoch: epoch)
        mirror.allow(epoch: epoch)
        try load()
        mirror.note(otherHistory: false)
        return epoch
    }

    private func begin(
        _ epoch: UInt32, at seq: UInt64, _ report: EngineReport, _ reason: String, tellingAbove seqMin: UInt64?
    ) throws(StoreFault) -> UInt32 {
        let own = mirror.position
        let head = try engine.begin(
            epoch: epoch, at: seq, expecting: report.head, identity: report.identity, by: deadline)
        guard head.position.epoch == epoch else { throw .epoch(head) }
        options.observe(.epochBegan(head.position, reason: reason))
        if let seqMin, own.seq > 0 { try tell(above: seqMin, epoch: epoch) }
        // What is in the engine's part of the old epoch is here. Otherwise, the log leads to the new one.
        let hasAll = own.seq >= report.head?.position.seq ?? 0
        mirror.allow(epoch: epoch)
        if hasAll {
            answerLost(epoch > own.epoch ? mirror.begin(epoch: epoch, at: seq) : [])
            mirror.forgetLoad()
        }
        return epoch
    }

    /// Tells the engine the records that this node has above a number.
    private func tell(above seqMin: UInt64, epoch: UInt32) throws(StoreFault) {
        let records: [JournalRecord]
        do throws(JournalError) {
            records = try mirror.records(above: seqMin)
        } catch {
            throw .busy(reason: "the copy of the engine cannot be read: \(error)")
        }
        var (told, forks) = (0, 0)
        for part in StoreRecord.parts(records, of: Self.tellCount) {
            let outcomes = try engine.commit(
                [.tell(part)], epoch: epoch, by: .after(milliseconds: Int(clamping: options.timeout &* 3)))
            guard case .recorded(_, let found) = outcomes.first else {
                throw .busy(reason: "the engine did not take what it lacks")
            }
            told += part.count
            forks += found
        }
        guard told > 0 else { return }
        if forks > 0 { status.count { $0.forks &+= UInt64(clamping: forks) } }
        options.observe(.told(records: told, forks: forks))
    }

    /// Reads everything that lives from the engine.
    func load() throws(StoreFault) {
        // The other thread stays out of it, and has time for those who wait.
        mirror.wantLoad()
        let loaded = try mirror.load { take throws(StoreFault) in
            try engine.load(by: .after(milliseconds: Self.loadMilliseconds, silenceMax: silenceMax), take)
        }
        mirror.note(unknownHistory: false)
        options.observe(.loaded(records: loaded.count, position: loaded.head.position))
        answerLost(loaded.lost)
    }
}
