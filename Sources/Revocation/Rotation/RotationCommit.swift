/// The result of a conditional rotation.
package enum RotationCommit: Equatable, Sendable {
    case committed(LogPosition)
    /// The session is at another generation, and nothing was recorded. `current` is its last rotation, nil if it never
    /// rotated; it is durable, at `seq` or before.
    case conflict(current: Rotation?, seq: UInt64)
    case failed(RevocationError)
}
