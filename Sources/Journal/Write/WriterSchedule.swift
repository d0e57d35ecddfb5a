/// Decides for a simulated writer thread what a scheduler and a clock decide for a real one.
package struct WriterSchedule: Sendable {
    /// Whether the time of a wait with a limit is over.
    package var isTimeUp: @Sendable () -> Bool
    /// Whether the thread notices so many signals since it last looked; only a simulation of bugs says no.
    package var isAwakened: @Sendable (_ signalCount: UInt64) -> Bool

    package init(
        isTimeUp: @escaping @Sendable () -> Bool, isAwakened: @escaping @Sendable (_ signalCount: UInt64) -> Bool
    ) {
        self.isTimeUp = isTimeUp
        self.isAwakened = isAwakened
    }
}
