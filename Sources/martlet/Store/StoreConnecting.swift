import App
import Store

/// The engine that a command uses, and its settings.
struct ConnectedStore {
    /// Longer than MARTLET_STORE_TIMEOUT, which is for requests that wait.
    private static let patience = 10_000

    let settings: StoreSettings
    let connection: StoreConnection
    let source: any StoreEngineSource
    let engine: any StoreEngine
    let report: EngineReport

    /// The options of all commands: the settings by their flags.
    static let options = settingsOfCommands.map { Arguments.Option.value($0.flag) }

    private static let settingsOfCommands = StoreSettings.settings.filter { $0 != .node }

    /// Reads the settings and connects.
    init(_ words: Arguments) throws(CommandError) {
        settings = try Self.settings(words)
        guard let connection = settings.connection else {
            throw .usage(
                "\(Setting.store.name) names no store. Set it, or give --store, such as --store redis://127.0.0.1")
        }
        self.connection = connection
        do throws(StartError) {
            guard let source = try StoreEngines.source(settings) else { throw StartError(description: "no store") }
            self.source = source
        } catch {
            throw error.mayPass ? .unavailable(error.description) : .usage(error.description)
        }
        do throws(StoreFault) {
            engine = try source.engine()
            report = try engine.connect(by: Self.deadline)
        } catch {
            throw CommandError(error)
        }
    }

    static var deadline: StoreDeadline { .after(milliseconds: patience) }
    /// For reading everything that lives.
    static var longDeadline: StoreDeadline { .after(milliseconds: 600_000, silenceMax: Int64(patience)) }

    static func settings(_ words: Arguments) throws(CommandError) -> StoreSettings {
        var values = Environment.values
        for setting in settingsOfCommands { if let value = words.value(setting.flag) { values[setting.name] = value } }
        do throws(ConfigurationError) {
            return try SettingsReader.read(values) { StoreSettings(&$0) }
        } catch {
            throw CommandError(error)
        }
    }
}
