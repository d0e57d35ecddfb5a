import Encoding

/// One user of an import, as the file describes it.
struct ImportRow {
    /// The names of the members in JSON, and of the columns in CSV.
    static let memberNames = ["id", "username", "password", "password_hash", "roles", "scopes", "disabled", "claims"]

    var id: String?
    var username: String?
    var password: String?
    var passwordHash: String?
    var roles: [String] = []
    var scopes: [String] = []
    var isDisabled = false
    /// A JSON object.
    var claims: [UInt8]?
}

/// A row that cannot be imported; the reason completes "line 7: " and contains no password and no hash.
struct ImportRefusal: Error, Equatable {
    let reason: String

    init(_ reason: String) {
        self.reason = reason
    }
}

/// What an import file contains, with the numbers of its lines from 1.
struct ImportRows {
    static let rowByteCountMax = 65_536

    private(set) var accepted: [(line: Int, row: ImportRow)] = []
    private(set) var refused: [(line: Int, refusal: ImportRefusal)] = []

    mutating func add(_ line: Int, _ row: () throws(ImportRefusal) -> ImportRow) {
        do throws(ImportRefusal) { accepted.append((line, try row())) } catch { refused.append((line, error)) }
    }
}
