package import Encoding
internal import Platform

extension FeedRecord {
    /// Writes the record as a JSON object.
    package func write(to json: inout JSONWriter) {
        json.beginObject()
        json.name("seq")
        json.string(position.text)
        switch event {
        case .tokenRevoked(let jti, let expires, let isOfAnyEnd, let reason):
            Self.write("token", jti, expires, reason, to: &json)
            if isOfAnyEnd {
                json.name("any_expiry")
                json.bool(true)
            }
        case .sessionRevoked(let sid, let expires, let reason):
            Self.write("session", sid, expires, reason, to: &json)
        case .revokedBefore(let cut, let kind, let key, _, let reason):
            Self.beginCut(kind, to: &json)
            json.name("id")
            json.string(utf8: key.digits.span)
            writeCut(cut, reason, to: &json)
        case .exempted(let sid, let cut, let kind, let reason):
            Self.beginCut(kind, to: &json)
            json.name("spares")
            json.string(sid.description)
            writeCut(cut, reason, to: &json)
        case .sessionDisplaced, .rotated, .sessionOpened, .sessionListed, .epochBegan, .processStarted: break
        }
        json.endObject()
    }

    private static func write(
        _ kind: StaticString, _ id: UUID, _ expires: UnixMilliseconds, _ reason: UInt16, to json: inout JSONWriter
    ) {
        json.name("kind")
        json.string(kind)
        json.name("id")
        json.string(id.description)
        write(expires, reason, to: &json)
    }

    private static func beginCut(_ kind: RevokeBeforeKind, to json: inout JSONWriter) {
        json.name("kind")
        json.string("cut")
        json.name("of")
        json.string(kind.name)
    }

    private func writeCut(_ cut: RevokeBefore, _ reason: UInt16, to json: inout JSONWriter) {
        json.name("before")
        json.string(UUID(high: cut.value, low: 1 << 63).description)
        json.name("before_seq")
        json.integer(Int64(clamping: beforeSeq ?? 0))
        Self.write(cut.expires, reason, to: &json)
    }

    /// The last second of the year 9999. A revocation without an end has it, so that every date parser can read it.
    private static let latest: Int64 = 253_402_300_799

    private static func write(_ expires: UnixMilliseconds, _ reason: UInt16, to json: inout JSONWriter) {
        json.name("expires")
        json.integer(min(expires.nextSecond.count, latest))
        json.name("reason")
        json.string((RevocationReason(rawValue: reason) ?? .unspecified).name)
    }
}

extension RevokeBeforeKind {
    /// The name in the feed.
    package var name: StaticString {
        switch self {
        case .subject: "subject"
        case .client: "client"
        case .key: "key"
        case .all: "all"
        }
    }
}

extension RevocationReason {
    /// The name in the feed.
    package var name: StaticString {
        switch self {
        case .unspecified: "unspecified"
        case .logout: "logout"
        case .revoked: "revoked"
        case .refreshReused: "refresh_reused"
        case .compromised: "compromised"
        case .operatorAction: "operator_action"
        case .accountChanged: "account_changed"
        case .sessionLimit: "session_limit"
        case .replaced: "replaced"
        }
    }
}

extension UUID {
    /// 32 hexadecimal digits.
    fileprivate var digits: [UInt8] {
        var text: [UInt8] = []
        write(to: &text)
        text.removeAll { $0 == UInt8(ascii: "-") }
        return text
    }
}
