import Accounts
import App
import Glibc
import Platform

extension AccountsFile {
    /// The absolute path for messages, because a relative path does not identify the file.
    var fullPath: String { Directory.absolute(path) }

    /// The error for a missing file.
    var absence: CommandError {
        if let fault = CommandError.unreachable(fullPath) { return fault }
        return .refused(
            "there is no file \(fullPath). Name the file with \(setting.flag) or \(setting.name), or run the command in the "
                + "directory of the service")
    }

    /// Reports a missing directory before a lock file cannot be created in it.
    func checkParent() throws(CommandError) { try checkPlace(isNamed: true) }

    /// Rejects creating a new file in a directory that is probably not that of the service.
    ///
    /// - Parameter isNamed: whether an option or a setting named the file.
    /// - Throws: `.unavailable` if the directory is missing, `.refused` if it has no other file of a service.
    func checkPlace(isNamed: Bool) throws(CommandError) {
        guard !FileStamp(path).exists else { return }
        let parent = Directory.parent(of: path)
        guard FileStamp(parent).exists else {
            // A volume that is not mounted yet has the same effect.
            throw .unavailable(
                "\(fullPath): there is no directory \(Directory.absolute(parent)). Make it, or mount its volume, and try again"
            )
        }
        let others = [Setting.users, .keys, .state].map(\.defaultText)
        guard !isNamed, !others.contains(where: { FileStamp($0).exists }) else { return }
        throw .refused(
            "there is neither \(fullPath) nor another file of a service in this directory. Run the command in the directory "
                + "of the service, or name the file with \(setting.flag) or \(setting.name)")
    }
}

extension CommandError {
    /// For a file that seems to be missing: it may exist where this user has no access.
    static func unreachable(_ path: String) -> CommandError? {
        var status = stat()
        guard unsafe stat(path, &status) != 0, errno == EACCES else { return nil }
        return .refused(FileErrorText.text(path, "stat", EACCES))
    }
}
