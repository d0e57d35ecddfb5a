package import Encoding
import Revocation

/// What is wrong with the data that a client sent.
package enum SessionDataFlaw: Error, Equatable, Sendable {
    /// Longer than ``SessionDataContent/byteCountMax``, by itself or after a merge.
    case tooLarge
    case malformed(JSONError)
    case notObject
}

/// A JSON object that may be stored as the data of a session, or a merge patch for it.
package struct SessionDataContent: Sendable {
    package static let byteCountMax = StoredSessionData.byteCountMax
    package static let depthMax = 8
    /// What a session without data reads as.
    static let empty = Array("{}".utf8)
    /// A value takes two bytes, so there are never more than that.
    private static let limits = JSONLimits(depthMax: depthMax, memberMax: byteCountMax, byteCountMax: byteCountMax)

    let bytes: [UInt8]
    private let document: JSONDocument

    /// Checks the length before anything else.
    package init(_ bytes: [UInt8]) throws(SessionDataFlaw) {
        guard bytes.count <= Self.byteCountMax else { throw .tooLarge }
        var document = JSONDocument(limits: Self.limits)
        do throws(JSONError) {
            try document.parse(bytes.span)
        } catch {
            throw .malformed(error)
        }
        guard document.kind(0) == .object else { throw .notObject }
        self.bytes = bytes
        self.document = document
    }

    /// Returns the object that this one becomes by a merge patch (RFC 7396).
    ///
    /// Neither is nested deeper than allowed, so the result is not.
    func merged(with patch: SessionDataContent) throws(SessionDataFlaw) -> [UInt8] {
        let merged = JSONMergePatch.apply(patch.document, patch.bytes, to: document, bytes)
        guard merged.count <= Self.byteCountMax else { throw .tooLarge }
        return merged
    }
}
