/// The entity tags of a condition.
package enum EntityTags: Equatable, Sendable {
    case any
    /// With their quotes, and with `W/` where they are weak.
    case listed([String])
}

/// The preconditions of a request (RFC 9110 §13.2.2).
package struct SessionDataCondition: Sendable {
    package var ifMatch: EntityTags?
    package var ifNoneMatch: EntityTags?

    package init(ifMatch: EntityTags? = nil, ifNoneMatch: EntityTags? = nil) {
        self.ifMatch = ifMatch
        self.ifNoneMatch = ifNoneMatch
    }

    enum Verdict {
        case met, ifMatchFailed, ifNoneMatchFailed
    }

    /// Whether a replacement overwrites nothing that its client has not seen.
    var protectsReplacement: Bool { ifMatch != nil || ifNoneMatch == .any }

    /// - Parameters:
    ///   - tag: of the data as it is, which is strong.
    ///   - exists: whether the session has data.
    func verdict(tag: String, exists: Bool) -> Verdict {
        switch ifMatch {
        case nil: break
        case .any: if !exists { return .ifMatchFailed }
        case .listed(let tags): if !tags.contains(tag) { return .ifMatchFailed }
        }
        switch ifNoneMatch {
        case nil: return .met
        case .any: return exists ? .ifNoneMatchFailed : .met
        case .listed(let tags): return tags.contains { $0 == tag || $0 == "W/" + tag } ? .ifNoneMatchFailed : .met
        }
    }
}
