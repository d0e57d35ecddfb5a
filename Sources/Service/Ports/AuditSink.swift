/// Stores what operators did, for later inspection.
package protocol AuditSink: Sendable {
    /// Where the events are, for messages.
    var location: String { get }

    /// Returns when the event is on stable storage.
    func append(_ event: AuditEvent) throws(AuditError)
}

/// One action of an operator.
package struct AuditEvent: Equatable, Sendable {
    /// A JSON object without line breaks.
    package let json: [UInt8]

    package init(json: [UInt8]) {
        self.json = json
    }
}

/// Why an event could not be stored.
package struct AuditError: Error, Equatable, CustomStringConvertible {
    package let description: String
    /// Whether a later attempt may succeed without any change by the operator.
    package let mayPass: Bool

    package init(description: String, mayPass: Bool) {
        self.description = description
        self.mayPass = mayPass
    }
}
