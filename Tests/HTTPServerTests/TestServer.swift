import Foundation
import Glibc
import HTTP
@testable import HTTPServer
import OpenSSL
import Synchronization

/// What the test handlers of one server share with the test.
final class TestGate: Sendable {
    private let waiting = Mutex<[@Sendable () -> Void]>([])
    let handledCount = Atomic<Int>(0)
    let ranCount = Atomic<Int>(0)
    /// Tells how much processor time the loop has used that was asked last.
    let loopClock = Atomic<Int32>(CLOCK_THREAD_CPUTIME_ID)

    func hold(_ release: @escaping @Sendable () -> Void) {
        waiting.withLock { $0.append(release) }
    }

    var heldCount: Int { waiting.withLock { $0.count } }

    /// Lets the answers out that wait, the last asked first.
    func releaseAll() {
        let taken = waiting.withLock { waiting in
            defer { waiting = [] }
            return waiting
        }
        for release in taken.reversed() { release() }
    }
}

/// `/echo` says what was asked, `/defer` answers through the gate, `/perform` also
/// tells the thread of what it performed, `/status/204` has that status, `/large/1000` that
/// much content, `/close` ends the connection.
final class TestHandler: Handler {
    private let gate: TestGate

    init(gate: TestGate) {
        self.gate = gate
    }

    func handle(_ request: borrowing Request, _ response: inout Response, _ exchange: borrowing Exchange) -> Disposition
    {
        gate.handledCount.add(1, ordering: .relaxed)
        var clock = clockid_t()
        if unsafe pthread_getcpuclockid(pthread_self(), &clock) == 0 { gate.loopClock.store(clock, ordering: .relaxed) }
        let parts = request.text(request.path).split(separator: "/")
        switch parts.first {
        case "perform":
            let (copy, loop) = (copy exchange, pthread_self())
            gate.hold {
                copy.perform { _ in
                    let said = pthread_equal(loop, pthread_self()) != 0 ? "on the loop" : "elsewhere"
                    copy.resume { _, response in response.body.append(contentsOf: said.utf8) }
                }
            }
            return .deferred
        case "defer", "now":
            let said = "deferred \(request.text(request.query))"
            let (copy, gate) = (copy exchange, gate)
            let release: @Sendable () -> Void = {
                copy.resume { _, response in
                    gate.ranCount.add(1, ordering: .relaxed)
                    response.body.append(contentsOf: said.utf8)
                }
            }
            if parts.first == "now" { release() } else { gate.hold(release) }
            return .deferred
        case "status":
            response.status = parts.last.flatMap { UInt16($0) } ?? 500
            response.body = Array("gone for HEAD, 204 and 304".utf8)
        case "large":
            response.body = [UInt8](repeating: UInt8(ascii: "x"), count: parts.last.flatMap { Int($0) } ?? 0)
        case "close":
            response.closesConnection = true
        default:
            let (path, query) = (request.text(request.path), request.text(request.query))
            let what = "\(request.method) \(path)?\(query) \(request.role) \(request.peer)\n"
            response.body = Array(what.utf8) + request.bytes[request.body]
        }
        return .answered
    }

    /// Content for paths that begin with `/unwanted` is not.
    func admits(_ request: borrowing Request, _ response: inout Response) -> Bool {
        guard request.text(request.path).hasPrefix("/unwanted") else { return true }
        response.status = 404
        response.body.append(contentsOf: "unwanted".utf8)
        return false
    }

    /// Paths that begin with `/big` may have more content than others.
    func contentByteCountMax(_ request: borrowing Request) -> Int {
        request.text(request.path).hasPrefix("/big") ? 300_000 : 0
    }

    func refuse(_ fault: RequestError, from _: PeerAddress, over _: Channel, _ response: inout Response) {
        response.status = fault.status
        response.body = Array(fault.rawValue.utf8)
    }
}

/// A server in this process, running until ``stop()``.
final class TestServer: Sendable {
    let counters = ConnectionCounters()
    let gate = TestGate()
    let server: Server
    private let finished = DispatchSemaphore(value: 0)

    var port: UInt16 { server.boundPorts.first ?? 0 }

    init(
        threads: Int = 2, listeners: [Listener] = [Listener(address: .tcp(host: "127.0.0.1", port: 0), role: .service)],
        limits: Limits? = nil, identity: TLSIdentity? = nil, handler: (@Sendable () -> any Handler)? = nil
    ) throws {
        var quick = Limits()
        quick.drainNotice = .milliseconds(10)
        quick.drainDeadline = .seconds(5)
        let gate = gate
        var options = ServerOptions(
            listeners: listeners, threads: threads, limits: limits ?? quick, counters: counters)
        options.identity = identity
        let server = try Server(options) { _ in handler?() ?? TestHandler(gate: gate) }
        self.server = server
        let finished = finished
        Thread.detachNewThread {
            server.run()
            finished.signal()
        }
    }

    /// - Returns: whether the server came to its end.
    @discardableResult
    func stop() -> Bool {
        server.beginDrain()
        return hasEnded(within: 20)
    }

    func hasEnded(within seconds: Double) -> Bool {
        finished.wait(timeout: .now() + seconds) == .success
    }
}

/// Waits for what another thread does; in vain after ten seconds.
func eventually(_ condition: () -> Bool) -> Bool {
    for _ in 0..<2_000 {
        if condition() { return true }
        usleep(5_000)
    }
    return condition()
}
