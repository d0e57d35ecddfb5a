import HTTP
import Revocation
import Synchronization
import Telemetry

// What the publisher of the feed has an event loop do. Everything here runs on the thread of the loop.
extension Application {
    /// Answers the waiting requests and feeds the streams.
    func deliver(_ batch: FeedBatch) {
        guard let publisher = shared.feed, let lane = feedReaders.lane else { return }
        let began = shared.monotonic()
        for (id, waiting) in feedReaders.waiting where batch.isAbout(waiting.position) {
            forgetWait(id)
            if batch.fits(waiting.position) {
                send(batch.answer, batch.content(waiting.form), to: waiting)
            } else {
                answerAlone(waiting)
            }
        }
        for (id, reader) in feedReaders.streaming where batch.isAbout(reader.position) {
            if reader.isBehind {
                owe(batch, to: id)
            } else if batch.fits(reader.position) {
                deliver(batch, to: id, reader)
            } else {
                catchUp(id)
            }
        }
        // The pieces and answers above are sent before this runs.
        lane.exchange.performInApplication { application in
            publisher.finish(application.shared.monotonic() &- began)
        }
    }

    /// Answers the requests that have waited long enough.
    func endWaits() {
        let now = shared.monotonic()
        for (id, waiting) in feedReaders.waiting where waiting.end <= now {
            forgetWait(id)
            answerAlone(waiting)
        }
        feedReaders.lane?.waitEnd.store(feedReaders.firstEnd, ordering: .releasing)
    }

    func endWait(_ id: UInt64) {
        guard let waiting = feedReaders.waiting[id] else { return }
        forgetWait(id)
        answerAlone(waiting)
    }

    func forgetWait(_ id: UInt64) {
        guard let waiting = feedReaders.waiting.removeValue(forKey: id), let lane = feedReaders.lane else { return }
        shared.feed?.leave(lane, waiting.form)
    }

    /// Answers with what there is, if only the newest position.
    private func answerAlone(_ waiting: FeedReaders.Waiting) {
        guard let publisher = shared.feed else { return }
        // Before the look at the feed: the answer is true at this moment.
        let held = FeedHold(
            milliseconds: max(0, (shared.monotonic() &- waiting.began) / 1_000_000), age: publisher.encoder.age())
        do throws(FeedGap) {
            let answer = try publisher.feed.answer(after: waiting.position)
            send(answer, publisher.encoder.content(answer, waiting.form), to: waiting, held: held)
        } catch {
            publisher.figures.resets.add(.init(error))
            let problem = Problem(error)
            waiting.wait.answer { handler, response in
                guard let application = handler as? Application else { return nil }
                application.answer(problem, waiting.call, &response)
                application.finish(waiting.call, &response)
                return nil
            }
        }
    }

    private func send(
        _ answer: FeedAnswer, _ content: [UInt8], to waiting: FeedReaders.Waiting, held: FeedHold? = nil
    ) {
        waiting.wait.answer { handler, response in
            guard let application = handler as? Application, let publisher = application.shared.feed else { return nil }
            application.write(answer, content, waiting.form, publisher.encoder, &response, held: held)
            application.finish(waiting.call, &response)
            return nil
        }
    }
}
