import App
import CLinux
import Glibc
import Synchronization

/// The environment of the process and the machine, read once for `Configuration`.
enum Environment {
    /// The content of the ``EnvironmentFile``; variables of the process take precedence.
    private static let file = Mutex<[String: String]>([:])

    /// Every variable, including those of the file. If a name occurs twice, the first one counts.
    static var values: [String: String] {
        var values: [String: String] = [:]
        var cursor = unsafe environ
        while let entry = unsafe cursor.pointee {
            let parts = unsafe String(cString: entry).split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { values[String(parts[0])] = values[String(parts[0])] ?? String(parts[1]) }
            unsafe cursor += 1
        }
        return values.merging(file.withLock { $0 }) { own, _ in own }
    }

    /// Reads the file that `--env-file` or the variable names, and removes the option from the words.
    ///
    /// The option is the same for all commands, so it is removed before any command parses its words.
    static func takeFile(_ words: [String]) throws(CommandError) -> [String] {
        let option = Setting.environmentFile.flag
        var path: String?
        var rest = words[...]
        var kept: [String] = []
        while let word = rest.popFirst(), word != "--" {
            guard word == option || word.hasPrefix(option + "=") else {
                kept.append(word)
                continue
            }
            guard path == nil else { throw .arguments(.optionRepeated(option)) }
            if word != option {
                path = String(word.dropFirst(option.count + 1))
            } else if let next = rest.first, !next.hasPrefix("--") {
                path = rest.popFirst()
            }
            guard let path, !path.isEmpty else { throw .arguments(.valueMissing(option)) }
        }
        if kept.count < words.count, let end = words.firstIndex(of: "--") { kept += words[end...] }
        if path == nil, let named = values[Setting.environmentFile.name], !named.isEmpty { path = named }
        if let path {
            do throws(StartError) {
                let read = try EnvironmentFile.read(path)
                file.withLock { $0 = read }
            } catch {
                throw .usage(error.description)
            }
        }
        return kept
    }

    /// The number of threads of this process that can run concurrently, by its affinity mask (sched_setaffinity(2)) and
    /// the quota of its control group.
    static var coreCount: Int {
        ControlGroup().threads(on: Int(clinux_processors()))
    }

    /// The memory limit of the control group in bytes; nil for no limit.
    static var memoryLimit: Int? { ControlGroup().memory }
}
