import App

extension OperatorClient {
    /// The option that overrides the socket in the settings.
    static let option = Arguments.Option.value("--socket")

    static let optionUsage = """
          --socket PATH  the operator's Unix socket (default: the first unix: address of MARTLET_OPERATOR_LISTEN)
        """

    /// Returns the socket from the command line or from the settings.
    static func named(_ arguments: Arguments) throws(CommandError) -> OperatorClient {
        if let path = arguments.value(option.name) {
            guard !path.isEmpty, path != "unix:" else { throw .usage("\(option.name) is empty") }
            return OperatorClient(path: path.hasPrefix("unix:") ? String(path.dropFirst(5)) : path)
        }
        if let client = OperatorClient(Environment.values) { return client }
        throw .usage(
            "\(Setting.operatorListen.name) names no Unix socket, which administration requires. "
                + "Start the service with one, such as unix:/run/martlet/operator.sock, or use --socket PATH")
    }
}

extension CommandError {
    init(_ fault: OperatorError) {
        switch fault {
        case .notRunning, .timedOut, .refused(503, _, _): self = .unavailable(fault.description)
        case .noAccess, .unreachable, .unreadable, .refused: self = .refused(fault.description)
        }
    }
}
