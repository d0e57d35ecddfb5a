import Accounts
import Dispatch
import Encoding
import Glibc
@testable import Service
import Testing

@Suite("Users of a file")
struct FileAccountSourceTests {
    @Test func `a file that was read before a password was replaced is not applied after it`() throws {
        let user = try Office.user("alice")
        let old = try UserDirectory().adding(user)
        let office = try Office(users: old, clients: ClientDirectory())
        let file = Mutable(old)
        let source = FileAccountSource(
            old, revocations: office.authState.revocations, clock: office.authState.clock, log: office.authState.log,
            storeHash: { _, _ in },
            replaceHash: { (_, hash, _) throws(AccountsError) in
                let changed = try file.value.settingPasswordHash(hash, of: "alice")
                file.change { $0 = changed }
                return changed
            })
        let isRead = DispatchSemaphore(value: 0)
        let isApplied = DispatchSemaphore(value: 0)
        DispatchQueue.global().async {
            source.updating {
                let read = file.value
                isRead.signal()
                usleep(100_000)
                source.apply(read)
            }
            isApplied.signal()
        }
        isRead.wait()
        #expect(try source.replacePassword(with: "$new", of: user)?.passwordHash == "$new")
        isApplied.wait()
        #expect(source.current.user(named: "alice")?.passwordHash == "$new")
    }
}
