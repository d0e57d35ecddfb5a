import Accounts
import Journal
import Keys
import Platform

/// Why the service cannot start: a message that names the file, line or variable and the expected value.
package struct StartError: Error, Sendable, CustomStringConvertible {
    package let description: String
    /// Whether a later start may succeed without a change of settings or files.
    package let mayPass: Bool

    package init(description: String, mayPass: Bool = false) {
        self.description = description
        self.mayPass = mayPass
    }

    init(_ fault: AccountsError) {
        self.init(description: "\(fault)", mayPass: fault.mayPass)
    }

    init(_ error: FileError) {
        self.init(description: error.description, mayPass: error.mayPass)
    }

    init(_ fault: KeyDirectoryError) {
        self.init(description: fault.description, mayPass: fault.mayPass)
    }

    init(_ fault: JournalError) {
        self.init(description: fault.description, mayPass: fault.mayPass)
    }
}
