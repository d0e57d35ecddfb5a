import App
import Platform
import Postgres
import Redis
import Store

/// Makes the engine that the settings name. It is loaded only then.
enum StoreEngines {
    private static let passwordByteCountMax = 1_024

    /// - Returns: nil for a server with its own journal.
    static func source(_ settings: StoreSettings) throws(StartError) -> (any StoreEngineSource)? {
        guard var connection = settings.connection else { return nil }
        connection.password = try settings.passwordPath.map { (path) throws(StartError) in try password(path) }
        if let path = connection.caPath { try checkAuthorities(path) }
        do throws(StoreFault) {
            return try source(connection)
        } catch {
            throw StartError(description: "\(Setting.store.name): \(error.sentence)", mayPass: error.mayPass)
        }
    }

    private static func source(_ connection: StoreConnection) throws(StoreFault) -> any StoreEngineSource {
        switch connection.address.engine {
        case .redis: try RedisEngineSource(connection)
        case .postgres: try PostgresEngineSource(connection)
        }
    }

    /// The engine reads the file itself; a mistake is found before it is asked.
    private static func checkAuthorities(_ path: String) throws(StartError) {
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try AtomicFile.read(path, byteCountMax: 1 << 20)
        } catch {
            throw StartError(description: "\(Setting.storeCA.name): \(error)", mayPass: error.mayPass)
        }
        guard String(decoding: bytes, as: UTF8.self).contains("-----BEGIN CERTIFICATE-----") else {
            throw StartError(
                description:
                    "\(Setting.storeCA.name): \(path) contains no certificate. Name a file of certificates in PEM")
        }
    }

    /// - Throws: a sentence that names the file and never its content.
    private static func password(_ path: String) throws(StartError) -> String {
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try AtomicFile.read(path, byteCountMax: passwordByteCountMax)
        } catch {
            throw StartError(description: "\(Setting.storePassword.name): \(error)", mayPass: error.mayPass)
        }
        var line = bytes[...]
        if line.last == 0x0A { line.removeLast() }
        if line.last == 0x0D { line.removeLast() }
        guard let text = String(validating: line, as: UTF8.self), !text.isEmpty,
            line.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
        else {
            throw StartError(
                description: "\(Setting.storePassword.name): \(path) is not one line with a password. "
                    + "Write the password alone into it")
        }
        return text
    }
}
