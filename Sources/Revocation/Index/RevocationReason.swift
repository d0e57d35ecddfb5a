/// Why a session or token was revoked; the numbers are part of the journal format.
package enum RevocationReason: UInt16, Sendable {
    case unspecified = 0
    case logout = 1
    case revoked = 2
    case refreshReused = 3
    case compromised = 4
    case operatorAction = 5
    case accountChanged = 6
    case sessionLimit = 7
    case replaced = 8
}
