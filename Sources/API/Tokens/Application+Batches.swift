import Encoding
import HTTP
import Platform
import Service
import Telemetry
import Tokens

extension Application {
    /// Sends the first piece of a batch that needs more than one slice. The rest follows in later turns of the event
    /// loop.
    func stream(_ run: BatchRun, _ first: [UInt8]) -> ResponseStream {
        let id = batches.add(run)
        let exchange = run.exchange
        let stream = exchange.stream(retaining: run.byteCount) { event in
            switch event {
            case .writable: exchange.performInApplication { $0.batches.requeue(id) }
            case .closed: exchange.performInApplication { $0.batches.remove(id) }
            // What is left takes less time than a stopping server waits.
            case .stopping: break
            }
        }
        run.stream = stream
        send(first, of: run, id)
        return stream
    }

    /// Works on one batch for one slice.
    func continueBatches() {
        guard let (id, run) = batches.next() else { return }
        var piece: [UInt8] = []
        piece.reserveCapacity(ResponseStream.byteCountMax)
        workOneSlice(run, &piece)
        send(piece, of: run, id)
        batches.scheduleNext()
    }

    private func send(_ piece: [UInt8], of run: BatchRun, _ id: UInt64) {
        guard let stream = run.stream else { return }
        let result = stream.send(piece)
        guard !run.isDone else {
            stream.end()
            return batches.remove(id)
        }
        switch result {
        case .queued: batches.requeue(id)
        // The event `writable` follows.
        case .full: break
        // The client has left.
        case .closed, .refused: batches.remove(id)
        }
    }

    /// Verifies tokens of a batch for the time of one slice, and appends their results; after the last one also the end of
    /// the answer.
    func workOneSlice(_ run: BatchRun, _ output: inout [UInt8]) {
        context.applyChanges()
        let now = context.authState.clock.now
        let end = shared.monotonic() &+ BatchRun.sliceNanoseconds
        var activeCount = 0
        let count = run.advance { token, isFirst in
            if !isFirst { output.append(",") }
            if verify(token, run.expectations, at: now, run.includesClaims, &output) { activeCount += 1 }
            return shared.monotonic() < end
        }
        let counter = context.authState.counters.batchTokens
        counter.add(.active, UInt64(activeCount))
        counter.add(.rejected, UInt64(count - activeCount))
        if run.isDone { output.append("]}") }
    }

    /// Appends the result for one token of a batch.
    ///
    /// - Returns: whether the token is valid and meets the expectations.
    private func verify(
        _ token: Span<UInt8>, _ expectations: VerifyExpectations, at now: UnixMilliseconds, _ includesClaims: Bool,
        _ output: inout [UInt8]
    ) -> Bool {
        do throws(VerifyFailure) {
            let verified = try verifyToken.verify(token, expectations, at: now)
            write(verified, at: now, includesClaims: includesClaims, to: &output)
            return true
        } catch {
            output.append("{\"active\":false,\"code\":\"")
            output.append(contentsOf: Problem(error).code.rawValue.utf8)
            output.append("\"}")
            return false
        }
    }
}
