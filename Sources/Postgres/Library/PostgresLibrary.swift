internal import CPostgres
internal import Store

/// libpq, loaded the first time that an address names PostgreSQL.
enum PostgresLibrary {
    static func load() throws(StoreFault) {
        var reason = [CChar](repeating: 0, count: 256)
        let result = unsafe reason.withUnsafeMutableBufferPointer { buffer in
            unsafe cpostgres_load(buffer.baseAddress, buffer.count)
        }
        guard result == 0 else {
            let text = String(decoding: reason.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            throw .rejected(
                reason: "the client library of PostgreSQL is not usable: \(text)",
                remedy: "Install the package libpq5 of version 13 or later.")
        }
    }

    /// Returns the settings that an address contains.
    ///
    /// - Returns: nil if libpq cannot read it. Its reason may contain parts of the address, so it is dropped.
    static func settings(of address: String) -> [String: String]? {
        var settings: [String: String] = [:]
        guard let options = unsafe cpostgres_parse(address, nil) else { return nil }
        defer { unsafe cpostgres_free_options(options) }
        var option = unsafe options
        while let keyword = unsafe option.pointee.keyword {
            if let value = unsafe option.pointee.value {
                unsafe settings[String(cString: keyword)] = unsafe String(cString: value)
            }
            unsafe option += 1
        }
        return settings
    }
}
