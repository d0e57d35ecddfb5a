import Encoding
import JOSE
import Keys
package import Platform
package import Revocation

package enum SnapshotFailure: Error, Sendable {
    /// The journal or its copy could not be read or written.
    case unreadable(String)
    /// No key whose public half is published can sign.
    case signingUnavailable(String)
}

/// All live revocations with a signature, as `GET /revocations/snapshot` serves them: one line with a JWS, then the
/// records.
package final class RevocationSnapshot: Sendable {
    /// The JWS over position, count, time and digest.
    package let signature: [UInt8]
    private let live: LiveRevocations
    /// The value of `Content-Digest` (RFC 9530).
    package let contentDigest: String
    /// Milliseconds of the monotonic clock.
    package let madeAt: Int64

    package init(_ live: LiveRevocations, signature: [UInt8], madeAt: Int64) throws(FileError) {
        self.live = live
        self.signature = signature
        self.madeAt = madeAt
        contentDigest = Self.text(ofDigest: try live.digest(after: signature + [UInt8(ascii: "\n")]))
    }

    package var position: LedgerPosition { live.position }
    package var byteCount: Int { lineByteCount &+ live.byteCount }
    /// The number of bytes before the records.
    package var lineByteCount: Int { signature.count &+ 1 }

    /// Returns a part of the content.
    package func bytes(_ range: Range<Int>) throws(FileError) -> [UInt8] {
        var bytes: [UInt8] = []
        if range.lowerBound < lineByteCount {
            let line = signature + [UInt8(ascii: "\n")]
            bytes += line[range.lowerBound..<min(range.upperBound, lineByteCount)]
        }
        let start = max(0, range.lowerBound &- lineByteCount)
        let end = range.upperBound &- lineByteCount
        if end > start { bytes += try live.bytes(start..<end) }
        return bytes
    }

    /// A digest in the form of RFC 9530 §2.
    fileprivate static func text(ofDigest digest: [UInt8]) -> String { "sha-256=:\(Base64.encode(digest)):" }

    /// The same records, for a newer signature.
    fileprivate func live(at position: LedgerPosition) -> LiveRevocations? {
        live.position == position ? live : nil
    }
}

/// Makes a snapshot of the live revocations and signs it with a published key.
package struct MakeSnapshot {
    /// The `typ` of the signature.
    package static let type = "rs+jwt"

    private let state: AuthState
    private let directory: String

    /// - Parameter directory: where the copy takes its space.
    package init(_ state: AuthState, directory: String) {
        self.state = state
        self.directory = directory
    }

    /// It runs on the thread of the caller for as long as the disk takes.
    ///
    /// - Parameter previous: the last one, whose records are used again if nothing was recorded since.
    package func make(after previous: RevocationSnapshot?) throws(SnapshotFailure) -> RevocationSnapshot {
        let now = state.clock.now
        let keyring = state.keyring.current
        let algorithms = [state.settings.algorithm] + Algorithm.allCases
        let key = algorithms.lazy.filter { $0.signature != nil }
            .compactMap { state.signer(for: $0, in: keyring, at: now) }.first
        guard let key else {
            throw .signingUnavailable(
                "no published key can sign; HS256 keys are secret. Run: martlet keys add --alg RS256")
        }
        let live = try live(after: previous, now)
        let signature = try sign(live, key, now)
        do throws(FileError) {
            return try RevocationSnapshot(live, signature: signature, madeAt: state.monotonic())
        } catch {
            throw .unreadable("\(error)")
        }
    }

    private func live(
        after previous: RevocationSnapshot?, _ now: UnixMilliseconds
    ) throws(SnapshotFailure) -> LiveRevocations {
        if let same = previous?.live(at: state.revocations.position) { return same }
        do throws(LiveRevocationsError) {
            return try state.revocations.liveRevocations(in: directory, now: now, monotonic: state.monotonic())
        } catch {
            throw .unreadable("\(error)")
        }
    }

    private func sign(_ live: LiveRevocations, _ key: Key, _ now: UnixMilliseconds) throws(SnapshotFailure) -> [UInt8] {
        var claims = JSONWriter()
        claims.beginObject()
        claims.name("iss")
        claims.string(state.settings.issuer)
        claims.name("iat")
        claims.integer(now.seconds.count)
        claims.name("pos")
        claims.string(live.position.text)
        claims.name("count")
        claims.integer(Int64(clamping: live.count))
        claims.name("digest")
        claims.string(RevocationSnapshot.text(ofDigest: live.digest))
        claims.endObject()
        let payload = claims.bytes
        do {
            return try CompactSigner(key).sign(type: Self.type, payload: payload.span)
        } catch {
            throw .signingUnavailable("\(error)")
        }
    }
}
