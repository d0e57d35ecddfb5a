package import Encoding

/// What a store that others write compares with its revoke-before times.
extension Advance {
    /// The number of the last record that the issuer knew at the login; nil if only ids can be compared.
    package var birthSeq: UInt64? { birth.seq }
    package var idHigh: UInt64 { birth.id }
    package var allKey: UUID { RevokeBeforeTable.key(.all, [UInt8]().span) }
    package var clientKey: UUID { RevokeBeforeTable.key(.client, client.span) }
    package var subjectKey: UUID { RevokeBeforeTable.key(.subject, subject.span) }
}
