import App

extension Arguments {
    /// Returns the value of a setting that is also an option of the command: from the command line, from the
    /// environment, or the default.
    func text(_ setting: Setting) -> String { value(setting.flag) ?? setting.text(in: Environment.values) }

    /// Returns whether the command line or the environment contains the setting.
    func isNamed(_ setting: Setting) -> Bool { has(setting.flag) || Environment.values[setting.name] != nil }
}

extension Setting {
    /// The values of an option that is not given, for `--help`: `MARTLET_USERS, or users.json`.
    var fallback: String { "\(name), or \(defaultText)" }
}

extension CommandError {
    init(_ error: ConfigurationError) { self = .usage(error.mistakes.joined(separator: "\n")) }
}
