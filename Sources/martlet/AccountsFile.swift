import Accounts
import Glibc
import Octets

/// A file of users or clients, as the commands read and edit it.
struct AccountsFile<Directory> {
    let path: String
    let empty: Directory
    let parse: ([UInt8], String) throws(AccountsFault) -> Directory
    let serialize: (Directory) -> [UInt8]

    private static var byteCountMax: Int { 64 << 20 }

    func read() throws(CommandFault) -> Directory {
        do throws(AccountsFault) { return try load(createsFile: false) } catch { throw .accounts(error) }
    }

    /// Tries an edit without keeping it, so that what cannot work is told before anybody types a password.
    func check(_ edit: (Directory) throws(AccountsFault) -> Directory) throws(CommandFault) {
        do throws(AccountsFault) { _ = try edit(load(createsFile: true)) } catch { throw .accounts(error) }
    }

    /// Reads, edits and replaces the file while no other command does.
    /// - Parameter createsFile: whether a file that is not there counts as an empty one.
    func edit(
        createsFile: Bool = false, _ edit: (Directory) throws(AccountsFault) -> Directory
    ) throws(CommandFault) {
        do throws(AccountsFault) {
            try AtomicFile.withLock(path) { () throws(AccountsFault) in
                let edited = try edit(load(createsFile: createsFile))
                try AtomicFile.replace(path, with: serialize(edited))
            }
        } catch {
            throw .accounts(error)
        }
    }

    private func load(createsFile: Bool) throws(AccountsFault) -> Directory {
        do throws(AccountsFault) {
            return try parse(AtomicFile.read(path, byteCountMax: Self.byteCountMax), path)
        } catch .system(call: "open", _, code: ENOENT) where createsFile {
            return empty
        } catch {
            throw error
        }
    }
}


extension JSONWriter {
    mutating func strings(_ texts: [String]) {
        beginArray()
        for text in texts { string(text) }
        endArray()
    }
}

extension String {
    /// With spaces at the end until it has `count` characters.
    func padded(to count: Int) -> String {
        self + String(repeating: " ", count: max(0, count - self.count))
    }
}
