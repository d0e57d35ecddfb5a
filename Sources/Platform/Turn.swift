internal import CLinux

/// What a thread that works in turns does once at the end of a turn instead of once per request: it writes its lines of
/// text, and wakes other threads.
///
/// A turn of an event loop serves all connections that have input; a turn of the journal thread commits one batch. Only
/// the thread that called ``begin()`` may use the object.
@safe package final class Turn {
    /// The number of bytes of lines above which they are written at once.
    package static let byteCountMax = 32_768

    private let collectsLines: Bool
    private var lines: [UInt8] = []
    private var output: (any TurnOutput)?
    private var tasks: [any TurnTask] = []
    private var restTasks: [any RestTask] = []
    /// The number of lines so far.
    package private(set) var lineCount: UInt64 = 0
    /// Whether ``end()`` has anything to do.
    package private(set) var hasWork = false

    /// - Parameter collectsLines: whether lines wait for the end of the turn.
    package init(collectsLines: Bool) {
        self.collectsLines = collectsLines
    }

    /// The turn of the calling thread; nil for a thread that does not work in turns.
    package static var current: Turn? {
        guard let value = unsafe clinux_thread_value() else { return nil }
        return unsafe Unmanaged<Turn>.fromOpaque(value).takeUnretainedValue()
    }

    /// Makes this the turn of the calling thread until ``finish()``; the caller keeps it alive until then.
    package func begin() { unsafe clinux_set_thread_value(Unmanaged.passUnretained(self).toOpaque()) }

    /// Ends the last turn of the calling thread.
    package func finish() {
        end()
        restTasks.removeAll()
        clinux_set_thread_value(nil)
    }

    package var hasLines: Bool { !lines.isEmpty }

    /// Keeps a whole line for the end of the turn.
    ///
    /// - Parameter write: appends the line to those before it.
    /// - Returns: false if this thread does not collect lines; the caller then writes the line itself.
    package func addLine(to output: any TurnOutput, _ write: (inout [UInt8]) -> Void) -> Bool {
        guard collectsLines else { return false }
        if let current = self.output, current !== output { writeLines() }
        self.output = output
        hasWork = true
        var buffer: [UInt8] = []
        swap(&buffer, &lines)
        write(&buffer)
        // Lines that were added while this one was written follow it.
        if !lines.isEmpty { buffer += lines }
        swap(&buffer, &lines)
        lineCount &+= 1
        if lines.count >= Self.byteCountMax { writeLines() }
        return true
    }

    /// Writes the lines so far.
    package func writeLines() {
        guard !lines.isEmpty else { return }
        var written: [UInt8] = []
        swap(&written, &lines)
        output?.write(lines: written)
        output = nil
        written.removeAll(keepingCapacity: true)
        swap(&written, &lines)
    }

    /// Has `task` done at the end of the turn, once however often it is added.
    package func atEnd(_ task: any TurnTask) {
        guard !tasks.contains(where: { $0 === task }) else { return }
        hasWork = true
        tasks.append(task)
    }

    /// Tells `task` when this thread is about to sleep, for as long as it awaits that.
    package func beforeRest(_ task: any RestTask) {
        if !restTasks.contains(where: { $0 === task }) { restTasks.append(task) }
    }

    /// Whether a task wants to know that the thread is about to sleep.
    package var announcesRest: Bool {
        for task in restTasks where task.awaitsRest { return true }
        return false
    }

    /// Tells the tasks that the thread has nothing to do now and is about to sleep.
    package func rest() {
        for task in restTasks where task.awaitsRest { task.rest() }
        restTasks.removeAll { !$0.awaitsRest }
    }

    /// Does what the turn has collected.
    package func end() {
        guard hasWork else { return }
        hasWork = false
        writeLines()
        guard !tasks.isEmpty else { return }
        var waiting: [any TurnTask] = []
        swap(&waiting, &tasks)
        for task in waiting { task.endTurn() }
        waiting.removeAll(keepingCapacity: true)
        swap(&waiting, &tasks)
    }
}

/// Writes the lines of a turn.
package protocol TurnOutput: AnyObject, Sendable {
    /// - Parameter lines: one or more whole lines, each with its newline.
    func write(lines: [UInt8])
}

/// What is done at the end of a turn.
package protocol TurnTask: AnyObject, Sendable {
    /// Runs on the thread of the turn; it must return quickly and must not add to the turn.
    func endTurn()
}

/// What wants to know when a thread that works in turns has nothing left to do.
package protocol RestTask: AnyObject, Sendable {
    /// Whether it does at the moment; asked in every turn.
    var awaitsRest: Bool { get }

    /// Runs on that thread before it sleeps; it must return quickly.
    func rest()
}
