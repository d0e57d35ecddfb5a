import HTTP
import Service
import Tokens

/// What a caller may ask of a token beyond being valid: one table for the query and the content of `/verify` and for the
/// query of `/auth`.
enum Condition: Int, CaseIterable, Sendable {
    case audience, scope, role, ageMax

    static let names: [(name: StaticString, condition: Condition)] = [
        ("audience", .audience), ("aud", .audience), ("scope", .scope), ("role", .role), ("max_age", .ageMax),
    ]

    /// The fingerprints of ``names``, so that no request computes them.
    fileprivate static let fingerprints = names.map { MemberNames.fingerprint($0.name) }

    /// - Parameter name: as it was sent.
    fileprivate static func named(_ name: String) -> (name: StaticString, condition: Condition)? {
        switch name {
        case "audience": ("audience", .audience)
        case "aud": ("aud", .audience)
        case "scope": ("scope", .scope)
        case "role": ("role", .role)
        case "max_age": ("max_age", .ageMax)
        default: nil
        }
    }

    fileprivate var bit: UInt8 { 1 << UInt8(rawValue) }
}

/// Conditions as they are read. A condition that is not understood is not met: unknown names, empty values and conditions
/// given twice are errors, never ignored.
struct Conditions {
    private(set) var expectations = VerifyExpectations()
    private var given: UInt8 = 0

    /// - Throws: `request_malformed`, which names the member.
    mutating func read(_ query: Query) throws(Problem) {
        for (sent, value) in query.pairs {
            guard let (name, condition) = Condition.named(sent) else {
                throw Problem(.requestMalformed, "Unknown condition: \(MemberNames.quoted(sent.utf8)).")
            }
            try note(condition, name, isEmpty: value.isEmpty)
            switch condition {
            case .audience: expectations.audience = .anyOf([Array(value.utf8)])
            case .scope: expectations.scopes = try Self.words(name, value).map { Array($0.utf8) }
            case .role: expectations.roles = try Self.words(name, value)
            case .ageMax: expectations.ageMax = try Self.seconds(name, value)
            }
        }
    }

    /// - Parameter parameters: read with ``MemberNames/verify``, so that no other name is in them.
    mutating func read(_ parameters: Parameters) throws(Problem) {
        for (fingerprint, value) in parameters.members {
            // Of the known names, only the token's is no condition.
            guard let index = Condition.fingerprints.firstIndex(of: fingerprint) else { continue }
            let (name, condition) = Condition.names[index]
            switch (value, condition) {
            case (.text(let octets), .audience):
                try note(condition, name, isEmpty: octets.isEmpty)
                expectations.audience = .anyOf([octets])
            case (.text(let octets), .scope):
                try note(condition, name, isEmpty: octets.isEmpty)
                expectations.scopes = try Self.words(name, String(decoding: octets, as: UTF8.self)).map {
                    Array($0.utf8)
                }
            case (.text(let octets), .role):
                try note(condition, name, isEmpty: octets.isEmpty)
                expectations.roles = try Self.words(name, String(decoding: octets, as: UTF8.self))
            case (.integer(let seconds), .ageMax) where seconds >= 0:
                try note(condition, name, isEmpty: false)
                expectations.ageMax = seconds
            default:
                let kind = condition == .ageMax ? "whole number" : "string"
                throw Problem(.requestMalformed, "The member \(name) must be a \(kind).")
            }
        }
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
    private static func words(_ name: StaticString, _ text: String) throws(Problem) -> [String] {
        guard let words = Scope(text) else {
            throw Problem(.requestMalformed, "The condition \(name) must be one or more names, separated by single spaces.")
        }
        return words.names
    }

    private static func seconds(_ name: StaticString, _ text: String) throws(Problem) -> Int64 {
        guard text.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }), let seconds = Int64(text) else {
            throw Problem(.requestMalformed, "The condition \(name) must be a whole number of seconds.")
        }
        return seconds
    }
}
