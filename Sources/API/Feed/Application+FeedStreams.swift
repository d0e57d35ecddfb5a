import HTTP
import Platform
import Revocation
import Service
import Telemetry

// The streams of server-sent events. Everything here runs on the thread of the event loop.
extension Application {
    /// The number of records in one event for a reader that catches up.
    private static let catchUpCountMax = 256
    /// How long a stream lasts, in nanoseconds, and by how much less at most, so that readers do not return all at once. A
    /// reader of HTTP/2 that has left without a word cannot be told from one that reads.
    private static let hour: Int64 = 3_600_000_000_000
    private static let spread: UInt64 = 900_000_000_000

    /// Begins a stream.
    func stream(
        _ question: FeedQuestion, _ publisher: FeedPublisher, _ permit: FeedPermit, _ response: inout Response,
        _ exchange: borrowing Exchange, _ call: Call
    ) -> ResponseStream {
        let id = feedReaders.newID()
        let lane = feedReaders.lane(publisher, exchange)
        let exchange = copy exchange
        let stream = exchange.stream { event in
            switch event {
            case .writable: exchange.performInApplication { $0.continueStream(id) }
            case .stopping: exchange.performInApplication { $0.feedReaders.streaming[id]?.stream.end() }
            case .closed: exchange.performInApplication { $0.forgetStream(id) }
            }
        }
        publisher.enter(lane, .events)
        let head = publisher.feed.head
        addFeedFields(head: head, .events, publisher.encoder, &response)
        feedReaders.streaming[id] = FeedReaders.Streaming(
            stream: stream, permit: permit, end: streamEnd(), position: question.after ?? head)
        catchUp(id, isFirst: true)
        return stream
    }

    private func streamEnd() -> Int64 {
        shared.monotonic() &+ Self.hour &- Int64(shared.random() % Self.spread)
    }

    /// Sends the records after the position of a stream until it has all or does not read.
    ///
    /// - Parameter isFirst: whether an event is sent even if there is no record.
    func catchUp(_ id: UInt64, isFirst: Bool = false) {
        guard let publisher = shared.feed, var reader = feedReaders.streaming[id] else { return }
        var isFirst = isFirst
        do throws(FeedGap) {
            while true {
                let answer = try publisher.feed.answer(after: reader.position, countMax: Self.catchUpCountMax)
                reader.position = answer.position
                guard !answer.isEmpty || isFirst else {
                    reader.isBehind = false
                    break
                }
                isFirst = false
                let result = reader.stream.send(publisher.encoder.event(answer))
                reader.isBehind = result != .queued
                if result != .queued { break }
            }
            feedReaders.streaming[id] = reader
        } catch {
            publisher.figures.resets.add(.init(error))
            _ = reader.stream.send(publisher.encoder.reset(error, head: publisher.feed.head))
            reader.stream.end()
            forgetStream(id)
        }
    }

    /// Continues with a reader that has read.
    func continueStream(_ id: UInt64) {
        guard feedReaders.streaming[id]?.isBehind == true else { return }
        feedReaders.streaming[id]?.owedByteCount = 0
        catchUp(id)
    }

    /// Sends a batch to a reader that has everything before it.
    func deliver(_ batch: FeedBatch, to id: UInt64, _ reader: FeedReaders.Streaming) {
        switch reader.stream.send(batch.content(.events)) {
        case .queued: feedReaders.streaming[id]?.position = batch.answer.position
        case .full:
            feedReaders.streaming[id]?.position = batch.answer.position
            feedReaders.streaming[id]?.isBehind = true
        case .refused:
            feedReaders.streaming[id]?.isBehind = true
            owe(batch, to: id)
        // The event that removes the reader is on its way.
        case .closed: break
        }
    }

    /// Notes what a reader that does not read did not get, and drops it if that is too much.
    func owe(_ batch: FeedBatch, to id: UInt64) {
        guard var reader = feedReaders.streaming[id] else { return }
        reader.owedByteCount += batch.content(.events).count
        feedReaders.streaming[id] = reader
        guard reader.stream.queuedByteCount + reader.owedByteCount > FeedPublisher.unreadByteCountMax else { return }
        shared.feed?.figures.dropped.add()
        reader.stream.abort()
        forgetStream(id)
    }

    /// Says that there is nothing new, and ends the streams of readers that may read no longer, or have read for long.
    func deliverHeartbeat(_ event: [UInt8], at position: LedgerPosition) {
        context.applyChanges()
        let (now, moment) = (context.authState.clock.now, shared.monotonic())
        for (id, reader) in feedReaders.streaming {
            guard reader.end > moment, isStillPermitted(reader.permit, at: now) else {
                reader.stream.end()
                forgetStream(id)
                continue
            }
            // An older position would let the reader get records again.
            guard !reader.isBehind, reader.position.seq <= position.seq, reader.position.epoch == position.epoch else {
                continue
            }
            feedReaders.streaming[id]?.position = position
            switch reader.stream.send(event) {
            case .queued, .closed: break
            case .full, .refused: feedReaders.streaming[id]?.isBehind = true
            }
        }
    }

    func forgetStream(_ id: UInt64) {
        guard feedReaders.streaming.removeValue(forKey: id) != nil, let lane = feedReaders.lane else { return }
        shared.feed?.leave(lane, .events)
    }
}
