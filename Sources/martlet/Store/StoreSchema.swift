import App
import Postgres
import Store

/// Implements `martlet store schema` and `init`. Redis needs neither.
enum StoreSchema {
    private static let role = Arguments.Option.value("--role")

    static func print(_ words: [String]) throws(CommandError) {
        let arguments = try Arguments.parse(words, options: ConnectedStore.options + [role])
        let settings = try ConnectedStore.settings(arguments)
        try checkEngine(settings)
        do throws(StoreFault) {
            let prefix = settings.connection?.prefix ?? arguments.text(.storePrefix)
            Terminal.write(try PostgresEngineSource.schemaSQL(prefix: prefix, role: arguments.value("--role")))
        } catch {
            throw .usage(error.sentence)
        }
    }

    static func apply(_ words: [String]) throws(CommandError) {
        let arguments = try Arguments.parse(words, options: ConnectedStore.options + [role])
        let settings = try ConnectedStore.settings(arguments)
        try checkEngine(settings)
        do throws(StartError) {
            guard let source = try StoreEngines.source(settings) as? PostgresEngineSource else {
                throw StartError(
                    description: "\(Setting.store.name) names no store. Set it, or give --store postgres://…")
            }
            do throws(StoreFault) {
                try source.applySchema(role: arguments.value("--role"), by: ConnectedStore.deadline)
            } catch {
                throw StartError(description: error.sentence, mayPass: error.mayPass)
            }
            Terminal.write("The schema is in place in \(source.name).\n")
        } catch {
            throw error.mayPass ? .unavailable(error.description) : .refused(error.description)
        }
    }

    private static func checkEngine(_ settings: StoreSettings) throws(CommandError) {
        guard case .redis? = settings.connection?.address.engine else { return }
        throw .usage("Redis needs no schema. docs/scaling.md has the line for its ACL")
    }
}
