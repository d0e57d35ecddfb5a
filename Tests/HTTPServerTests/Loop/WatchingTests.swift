import Foundation
import Glibc
import HTTP
@testable import HTTPServer
import Synchronization
import Testing

@Suite("Watching for answers")
struct WatchingTests {
    private func processorNanoseconds(_ clock: clockid_t = CLOCK_PROCESS_CPUTIME_ID) -> Int {
        var time = timespec()
        unsafe clock_gettime(clock, &time)
        return time.tv_sec * 1_000_000_000 + time.tv_nsec
    }

    private func isReadable(_ descriptor: Int32, milliseconds: Int32) -> Bool {
        var watched = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return unsafe poll(&watched, 1, milliseconds) > 0
    }

    @Test func `a watched mailbox needs no wake-up, and an unwatched one gets it`() throws {
        let mailbox = try LoopMailbox()
        var items: [LoopMailbox.Item] = []
        mailbox.beginWatch()
        #expect(!mailbox.hasMail)
        #expect(mailbox.post(.drain))
        #expect(mailbox.hasMail)
        #expect(mailbox.post(.drain))
        #expect(!isReadable(mailbox.descriptor, milliseconds: 0))
        mailbox.endWatch(into: &items)
        #expect(items.count == 2)
        #expect(mailbox.post(.drain))
        #expect(isReadable(mailbox.descriptor, milliseconds: 0))
        // What was there before is seen at once.
        mailbox.beginWatch()
        #expect(mailbox.hasMail)
        items = []
        mailbox.endWatch(into: &items)
        #expect(items.count == 1)
        items = []
        mailbox.collect(into: &items)
        #expect(items.isEmpty)
        #expect(!isReadable(mailbox.descriptor, milliseconds: 0))
    }

    @Test func `nothing posted is missed however watching, sleeping and posting fall together`() throws {
        let mailbox = try LoopMailbox()
        let count = 20_000
        let collected = Atomic<Int>(0)
        let poster = Thread {
            for number in 0..<count {
                _ = mailbox.post(.drain)
                // Sometimes in a row, sometimes only when the last was taken.
                while number % 3 == 0, collected.load(ordering: .acquiring) <= number { sched_yield() }
            }
        }
        poster.start()
        var round = 0
        while collected.load(ordering: .relaxed) < count {
            var items: [LoopMailbox.Item] = []
            if round % 2 == 0 {
                mailbox.beginWatch()
                for _ in 0..<(round % 7) where !mailbox.hasMail { sched_yield() }
                mailbox.endWatch(into: &items)
            }
            if items.isEmpty {
                // As a loop that sleeps: if the wake-up is lost, this is where it stays.
                guard isReadable(mailbox.descriptor, milliseconds: 10_000) else { break }
                mailbox.collect(into: &items)
            }
            collected.add(items.count, ordering: .releasing)
            round += 1
        }
        #expect(collected.load(ordering: .relaxed) == count)
    }

    @Test func `answers one after the other come, quick or slow, and others are served meanwhile`() throws {
        let server = try TestServer(threads: 1)
        defer { server.stop() }
        let isOver = Atomic<Bool>(false)
        let pause = Atomic<UInt32>(0)
        let releaser = Thread {
            while !isOver.load(ordering: .relaxed) {
                if server.gate.heldCount == 0 {
                    sched_yield()
                } else {
                    usleep(pause.load(ordering: .relaxed))
                    server.gate.releaseAll()
                }
            }
        }
        releaser.start()
        defer { isOver.store(true, ordering: .relaxed) }
        let client = try TestClient(port: server.port)
        let other = try TestClient(port: server.port)
        for (waits, rounds) in [(0, 500), (3_000, 30), (50, 200)] as [(UInt32, Int)] {
            pause.store(waits, ordering: .relaxed)
            for number in 0..<rounds {
                client.send(get("/defer?\(number)"))
                #expect(other.ask(get("/echo"))?.status == 200)
                #expect(client.receiveAnswer()?.body == "deferred \(number)")
            }
        }
    }

    @Test func `a loop that waits long for an answer sleeps`() throws {
        let server = try TestServer(threads: 1)
        defer { server.stop() }
        let client = try TestClient(port: server.port)
        for _ in 0..<50 { #expect(client.ask(get("/now?1"))?.status == 200) }
        client.send(get("/defer?x"))
        #expect(eventually { server.gate.heldCount == 1 })
        let clock = server.gate.loopClock.load(ordering: .relaxed)
        usleep(100_000)
        // Whatever else goes on, a loop that spins gets to spin sooner or later.
        let before = processorNanoseconds(clock)
        usleep(1_000_000)
        #expect(processorNanoseconds(clock) &- before < 50_000_000)
        server.gate.releaseAll()
        #expect(client.receiveAnswer()?.body == "deferred x")
    }
}
