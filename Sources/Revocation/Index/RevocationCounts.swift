/// How many revocations and sessions are in memory.
package struct RevocationCounts: Equatable, Sendable {
    package let revokedTokens: Int
    package let revokedSessions: Int
    package let rotatedSessions: Int
    package let cuts: Int
}
