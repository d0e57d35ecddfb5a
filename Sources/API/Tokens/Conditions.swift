import Encoding
import HTTP
import Revocation
import Service
import Tokens

/// What a caller may ask of a token beyond being valid: one table for the query and the content of `/verify` and for the
/// query of `/auth`.
enum Condition: Int, CaseIterable, Sendable {
    case audience, scope, role, ageMax, issuer, subject, clientID, requiredClaims, claims, sequenceMin

    static let names: [(name: StaticString, condition: Condition)] = [
        ("audience", .audience), ("aud", .audience), ("scope", .scope), ("role", .role), ("max_age", .ageMax),
        ("issuer", .issuer), ("subject", .subject), ("client_id", .clientID), ("required_claims", .requiredClaims),
        ("claims", .claims), ("min_seq", .sequenceMin),
    ]

    /// The fingerprints of ``names``, so that no request computes them.
    fileprivate static let fingerprints = names.map { MemberNames.fingerprint($0.name) }

    /// The condition of a name in a query; nil for an unknown name.
    fileprivate static func named(_ name: String) -> (name: StaticString, condition: Condition)? {
        let bytes = Array(name.utf8)
        let fingerprint = JSONDocument.nameFingerprint(of: bytes.span)
        return fingerprints.firstIndex(of: fingerprint).map { names[$0] }
    }

    fileprivate var bit: UInt16 { 1 << UInt16(rawValue) }
}

/// Conditions as they are read. A condition that is not understood is not met: unknown names, empty values and conditions
/// given twice are errors, never ignored.
struct Conditions {
    private(set) var expectations = VerifyExpectations()
    /// The record that an answer must know of.
    private(set) var positionMin: WantedPosition?
    /// Whether the results are wanted without the claims.
    private(set) var leavesOutClaims = false
    private var given: UInt16 = 0

    /// - Throws: `request_malformed`, which names the member.
    mutating func read(_ query: Query) throws(Problem) {
        for (sent, value) in query.pairs {
            guard let (name, condition) = Condition.named(sent) else {
                throw Problem(.requestMalformed, "Unknown condition: \(MemberNames.quoted(sent.utf8)).")
            }
            try note(condition, name, isEmpty: value.isEmpty)
            switch condition {
            case .ageMax: expectations.ageMax = try Self.number(name, value, "a whole number of seconds")
            case .sequenceMin:
                positionMin = try WantedPosition(name, Array(value.utf8), mayBeNumber: true)
            case .requiredClaims:
                let names = value.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
                require(required: try ClaimConditions.paths(name, names))
            case .claims: require(values: try ClaimConditions.values(name, Array(value.utf8)))
            case .audience, .scope, .role, .issuer, .subject, .clientID: try take(condition, name, Array(value.utf8))
            }
        }
    }

    /// - Parameters:
    ///   - parameters: read with ``MemberNames/verify`` or ``MemberNames/batch``, so that no other name is in them.
    ///   - mayLeaveOutClaims: whether `claims` may also be `false`, which is no condition.
    mutating func read(_ parameters: Parameters, mayLeaveOutClaims: Bool = false) throws(Problem) {
        for (fingerprint, value) in parameters.members {
            // Of the known names, only the token's is no condition.
            guard let index = Condition.fingerprints.firstIndex(of: fingerprint) else { continue }
            let (name, condition) = Condition.names[index]
            if mayLeaveOutClaims, condition == .claims, case .other(let json) = value, json.elementsEqual("false".utf8)
            {
                leavesOutClaims = true
            } else if case .text(let text) = value, condition.isText {
                try note(condition, name, isEmpty: text.isEmpty)
                try take(condition, name, text)
            } else {
                try note(condition, name, isEmpty: false)
                try take(condition, name, value)
            }
        }
    }

    private mutating func take(
        _ condition: Condition, _ name: StaticString, _ value: Parameters.Value
    ) throws(Problem) {
        switch (value, condition) {
        case (.integer(let seconds), .ageMax) where seconds >= 0: expectations.ageMax = seconds
        case (.integer(let sequence), .sequenceMin) where sequence >= 0:
            positionMin = WantedPosition(seq: UInt64(sequence))
        case (.text(let text), .sequenceMin): positionMin = try WantedPosition(name, text, mayBeNumber: false)
        case (.other(let json), .audience):
            let names = try ClaimConditions.texts(name, json)
            expectations.audience = .anyOf(names.map { Array($0.utf8) })
        case (.other(let json), .requiredClaims):
            require(required: try ClaimConditions.paths(name, try ClaimConditions.texts(name, json)))
        case (.other(let json), .claims): require(values: try ClaimConditions.values(name, json))
        default: throw Problem(.requestMalformed, "The member \(name) must be \(condition.expected).")
        }
    }

    private mutating func take(_ condition: Condition, _ name: StaticString, _ text: [UInt8]) throws(Problem) {
        switch condition {
        case .audience: expectations.audience = .anyOf([text])
        case .scope: expectations.scopes = try Self.words(name, text).map { Array($0.utf8) }
        case .role: expectations.roles = try Self.words(name, text)
        case .issuer: require(issuer: text)
        case .subject: require(subject: text)
        case .clientID: require(clientID: text)
        case .ageMax, .requiredClaims, .claims, .sequenceMin:
            throw Problem(.requestMalformed, "The member \(name) must be \(condition.expected).")
        }
    }

    private mutating func require(
        issuer: [UInt8]? = nil, subject: [UInt8]? = nil, clientID: [UInt8]? = nil, required: [ClaimPath]? = nil,
        values: [ClaimExpectation]? = nil
    ) {
        let known = expectations.claims
        expectations.claims = ExpectedClaims(
            issuer: issuer ?? known?.issuer, subject: subject ?? known?.subject,
            clientID: clientID ?? known?.clientID, required: required ?? known?.required ?? [],
            values: values ?? known?.values ?? [])
    }

    private mutating func note(_ condition: Condition, _ name: StaticString, isEmpty: Bool) throws(Problem) {
        guard given & condition.bit == 0 else {
            let both = condition == .audience ? "audience (or aud)" : "\(name)"
            throw Problem(.requestMalformed, "The condition \(both) was given twice.")
        }
        given |= condition.bit
        guard !isEmpty else { throw Problem(.requestMalformed, "The condition \(name) is empty.") }
    }

    /// Scopes and roles are made of the same letters (RFC 6749 §3.3).
    private static func words(_ name: StaticString, _ text: [UInt8]) throws(Problem) -> [String] {
        guard let words = Scope(String(decoding: text, as: UTF8.self)) else {
            throw Problem(
                .requestMalformed, "The condition \(name) must be one or more names, separated by single spaces.")
        }
        return words.names
    }

    private static func number(_ name: StaticString, _ text: String, _ kind: String) throws(Problem) -> Int64 {
        guard text.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }), let number = Int64(text) else {
            throw Problem(.requestMalformed, "The condition \(name) must be \(kind).")
        }
        return number
    }
}

extension Condition {
    /// Whether a JSON string is a value of it.
    fileprivate var isText: Bool {
        switch self {
        case .audience, .scope, .role, .issuer, .subject, .clientID: true
        case .ageMax, .requiredClaims, .claims, .sequenceMin: false
        }
    }

    /// What a JSON value must be, for the caller.
    fileprivate var expected: String {
        switch self {
        case .audience: "a string or a list of strings"
        case .scope, .role, .issuer, .subject, .clientID: "a string"
        case .ageMax: "a whole number"
        case .sequenceMin: WantedPosition.expected
        case .requiredClaims: "a list of strings"
        case .claims: "an object"
        }
    }
}
