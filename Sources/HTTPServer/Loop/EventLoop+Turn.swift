import Platform

// What the loop does once at the end of a turn instead of once per request.
//
// A response is sent after the log lines that it caused are written, so that a client that has the response finds them.
// One write per line would cost as much as the rest of a short request. Therefore the responses of a turn that caused
// lines wait for its end, and all lines are written at once. Responses without lines do not wait.
extension EventLoop {
    /// Whether serving the current connection may have caused lines that are not written yet.
    var owesLines: Bool { turn.lineCount != lineMark }

    /// Writes the lines, sends the responses that waited for them, and wakes the threads that have work from this turn.
    mutating func endTurn() {
        // The threads that wait for work of this turn are woken first: they work while the loop sends.
        turn.end()
        guard !postponed.isEmpty else { return }
        sendPostponed()
        // Requests that waited on a connection for its response are answered by now.
        turn.end()
    }

    /// Keeps the connection for the end of the turn.
    mutating func postpone(_ slot: Int) {
        guard !connections[slot].isPostponed else { return }
        connections[slot].isPostponed = true
        postponed.append(data(of: slot))
    }

    private mutating func sendPostponed() {
        var waiting: [UInt64] = []
        swap(&waiting, &postponed)
        for data in waiting {
            let slot = Int(data & 0xffff_ffff)
            // A connection may have closed since, and its slot may have another one.
            guard self.data(of: slot) == data, connections[slot].isPostponed else { continue }
            connections[slot].isPostponed = false
            lineMark = turn.lineCount
            switch connections[slot].stage {
            case .writing: sendRest(slot)
            case .http2:
                guard connections[slot].output.isEmpty, let session = connections[slot].http2 else { continue }
                settleHTTP2(slot, session)
            default: continue
            }
            account(slot)
        }
        guard postponed.isEmpty else { return }
        waiting.removeAll(keepingCapacity: true)
        swap(&waiting, &postponed)
    }
}
