import Glibc
import HTTP
@testable import HTTPServer
import Platform
import TestForm
import Testing

/// The answers of a batch and the loop that waits for them, run on one thread, one step at a time, in random order.
@Suite("Wake-ups of a loop, simulated")
struct MailboxModelTests {
    /// What goes wrong on purpose, to show that the simulation finds it.
    enum Bug: CaseIterable {
        /// A batch of answers ends without a wake-up.
        case forgottenWakeUp
        /// A wake-up is taken off the descriptor without a look at the mail.
        case consumedWakeUp
        /// The loop sleeps, and the mailbox believes that it polls.
        case sleepingWatcher
    }

    private enum Activity { case running, polling, asleep }

    private struct Simulation {
        let mailbox: LoopMailbox
        var random: SeededGenerator
        let bug: Bug?
        var activity = Activity.running
        var postedCount = 0
        var handled: [Int] = []
        var items: [LoopMailbox.Item] = []

        init(seed: UInt64, bug: Bug?) throws {
            mailbox = try LoopMailbox()
            random = SeededGenerator(state: seed)
            self.bug = bug
        }

        private var isWoken: Bool {
            var watched = pollfd(fd: mailbox.descriptor, events: Int16(POLLIN), revents: 0)
            return unsafe poll(&watched, 1, 0) > 0
        }

        private mutating func happens(_ bug: Bug) -> Bool {
            self.bug == bug && Int.random(in: 0..<4, using: &random) == 0
        }

        /// A batch of the journal thread, or items of a thread that does not work in turns. The loop may run in between.
        mutating func post() {
            let turn = Turn(collectsLines: false)
            let isBatch = Bool.random(using: &random)
            if isBatch { turn.begin() }
            for _ in 0..<Int.random(in: 1...5, using: &random) {
                _ = mailbox.post(.resume(ticket: UInt64(postedCount)) { _, _ in })
                postedCount += 1
                if Int.random(in: 0..<4, using: &random) == 0 { run() }
            }
            guard isBatch else { return }
            if happens(.forgottenWakeUp) {
                let other = Turn(collectsLines: false)
                other.begin()
                other.finish()
            } else {
                turn.finish()
            }
        }

        /// What the loop does when it gets the processor.
        mutating func run() {
            switch activity {
            case .asleep:
                guard isWoken else { return }
                activity = .running
                if happens(.consumedWakeUp) {
                    var count: UInt64 = 0
                    _ = unsafe read(mailbox.descriptor, &count, MemoryLayout<UInt64>.size)
                    return
                }
                mailbox.collect(into: &items)
                handle()
            case .polling:
                guard mailbox.hasMail || Int.random(in: 0..<4, using: &random) == 0 else { return }
                mailbox.endWatch(into: &items)
                activity = .running
                handle()
            case .running:
                guard Bool.random(using: &random) else { return activity = .asleep }
                mailbox.beginWatch()
                activity = happens(.sleepingWatcher) ? .asleep : .polling
            }
        }

        private mutating func handle() {
            for case .resume(let ticket, _) in items { handled.append(Int(ticket)) }
            items.removeAll()
        }

        /// Nothing more is posted. A loop that is awake runs until it sleeps.
        mutating func rest() {
            for _ in 0..<200 where activity != .asleep || isWoken { run() }
            if activity != .asleep { activity = .asleep }
            if isWoken { run() }
        }
    }

    /// - Returns: whether every item was handled once and in order.
    private func succeeds(seed: UInt64, bug: Bug?) throws -> Bool {
        var simulation = try Simulation(seed: seed, bug: bug)
        for _ in 0..<40 {
            if Int.random(in: 0..<3, using: &simulation.random) == 0 { simulation.post() } else { simulation.run() }
        }
        simulation.rest()
        return simulation.handled == Array(0..<simulation.postedCount)
    }

    @Test func `no answer waits for a loop that sleeps`() throws {
        for seed in 0..<UInt64(TestForm.pick(quick: 500, normal: 5_000)) {
            #expect(try succeeds(seed: seed, bug: nil), "seed \(seed)")
        }
    }

    @Test(arguments: Bug.allCases)
    func `a lost wake-up is found`(_ bug: Bug) throws {
        #expect(try (0..<UInt64(500)).contains { try !succeeds(seed: $0, bug: bug) })
    }
}
