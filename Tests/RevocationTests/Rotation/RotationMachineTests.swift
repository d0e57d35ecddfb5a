import Platform
@testable import Revocation
import Testing

@Suite("Refresh rotation, one session (G2, G3, G4, G5)")
struct RotationMachineTests {
    private let grace: Int64 = 10_000
    private let settled = Rotation(generation: 5, request: 1, at: 100_000)

    private func action(
        _ generation: UInt32, request: UInt32 = 1, at now: UnixMilliseconds, settled: Rotation?, pending: UInt32? = nil
    ) -> RotationMachine.Action {
        var machine = RotationMachine(settled: settled, pendingRequest: pending)
        return machine.present(generation: generation, request: request, now: now, grace: grace)
    }

    @Test func `the first refresh of a session is its first rotation`() {
        #expect(action(0, at: 1, settled: nil) == .commit(generation: 1))
    }

    @Test func `the current generation is followed by the next, however late`() {
        #expect(action(5, at: 100_000, settled: settled) == .commit(generation: 6))
        #expect(action(5, at: .distantFuture, settled: settled) == .commit(generation: 6))
    }

    @Test func `the one before is answered again within the grace time, and no longer`() {
        #expect(action(4, at: 100_000, settled: settled) == .replay(settled))
        #expect(action(4, at: 110_000, settled: settled) == .replay(settled))
        #expect(action(4, at: 110_001, settled: settled) == .reuse)
    }

    @Test func `without a grace time the one before is reuse, even in the same millisecond`() {
        for elapsed: Int64 in [-1, 0, 1] {
            var machine = RotationMachine(settled: settled)
            let now = settled.at.adding(milliseconds: elapsed)
            #expect(machine.present(generation: 4, request: 1, now: now, grace: 0) == .reuse)
        }
    }

    @Test func `the newest is answered again if the request wants that, and never longer than the grace time`() {
        func action(
            _ generation: UInt32, request: UInt32 = 1, after elapsed: Int64, repeatTime: Int64 = 60_000,
            pending: UInt32? = nil
        ) -> RotationMachine.Action {
            var machine = RotationMachine(settled: settled, pendingRequest: pending)
            return machine.present(
                generation: generation, request: request, now: settled.at.adding(milliseconds: elapsed), grace: grace,
                repeatTime: repeatTime)
        }
        #expect(action(5, after: 0) == .replay(settled))
        #expect(action(5, after: 9_999) == .replay(settled))
        #expect(action(5, after: 10_000) == .commit(generation: 6))
        #expect(action(5, after: 500, repeatTime: 501) == .replay(settled))
        #expect(action(5, after: 500, repeatTime: 500) == .commit(generation: 6))
        // The clock was set back.
        #expect(action(5, after: -1) == .commit(generation: 6))
        // Another scope, a rotation under way, an older and a newer token: as ever.
        #expect(action(5, request: 2, after: 0) == .commit(generation: 6))
        #expect(action(5, after: 0, pending: 1) == .join)
        #expect(action(4, after: 0) == .replay(settled))
        #expect(action(3, after: 0) == .reuse)
        #expect(action(6, after: 0) == .ahead(known: 5))
    }

    @Test func `within the grace time nothing else may be asked for`() {
        #expect(action(4, request: 2, at: 110_000, settled: settled) == .mismatch)
        #expect(action(4, request: 2, at: 110_001, settled: settled) == .reuse)
    }

    @Test func `a grandparent is reuse even within the grace time`() {
        #expect(action(3, at: 100_000, settled: settled) == .reuse)
        #expect(action(0, at: 100_000, settled: settled) == .reuse)
    }

    @Test func `a generation that we never issued is told apart`() {
        #expect(action(6, at: 100_000, settled: settled) == .ahead(known: 5))
        #expect(action(1, at: 100_000, settled: nil) == .ahead(known: 0))
        #expect(action(6, at: 100_000, settled: settled, pending: 1) == .ahead(known: 5))
    }

    @Test func `while a rotation is written, the same request joins and another is refused`() {
        #expect(action(5, at: 100_000, settled: settled, pending: 1) == .join)
        #expect(action(5, request: 2, at: 100_000, settled: settled, pending: 1) == .mismatch)
    }

    @Test func `a successor that is being used is used`() {
        #expect(action(4, at: 100_000, settled: settled, pending: 1) == .reuse)
    }

    @Test func `the last possible generation has no successor`() {
        let last = Rotation(generation: .max, request: 1, at: 0)
        #expect(action(.max, at: 0, settled: last) == .reuse)
        #expect(action(.max - 1, at: 0, settled: last) == .replay(last))
    }

    @Test func `a failed commit changes nothing`() {
        var machine = RotationMachine(settled: settled)
        #expect(machine.present(generation: 5, request: 1, now: 0, grace: grace) == .commit(generation: 6))
        machine.failed()
        #expect(machine == RotationMachine(settled: settled))
        #expect(machine.present(generation: 5, request: 2, now: 0, grace: grace) == .commit(generation: 6))
    }

    @Test func `two rotations in one millisecond are two generations`() {
        var machine = RotationMachine(settled: nil)
        for generation in UInt32(0)..<2 {
            #expect(
                machine.present(generation: generation, request: 1, now: 7, grace: grace)
                    == .commit(generation: generation + 1))
            machine.committed(generation + 1, at: 7)
        }
        #expect(machine.present(generation: 0, request: 1, now: 7, grace: grace) == .reuse)
        #expect(
            machine.present(generation: 1, request: 1, now: 7, grace: grace)
                == .replay(Rotation(generation: 2, request: 1, at: 7)))
    }
}
