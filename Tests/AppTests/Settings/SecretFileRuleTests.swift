@testable import App
@testable import Keys
import Testing

@Suite("Who may own and read the files of keys")
struct SecretFileRuleTests {
    typealias Facts = SecretFileRule.Facts

    let rule = SecretFileRule(user: 10_001, groups: [10_001, 20_001])

    @Test(arguments: [0o400, 0o600, 0o440, 0o640, 0o660] as [UInt32], [0, 10_001] as [UInt32])
    func `root's and the service's own files may be open to one of its groups`(_ mode: UInt32, _ owner: UInt32) {
        #expect(rule.fault(ofFile: "k", Facts(owner: owner, group: 20_001, mode: 0o100_000 | mode)) == nil)
    }

    @Test(arguments: [0o604, 0o644, 0o444, 0o606, 0o601] as [UInt32])
    func `a file that every user may reach is rejected, with advice for a read-only volume`(_ mode: UInt32) throws {
        let fault = try #require(rule.fault(ofFile: "k.jwk", Facts(owner: 0, group: 20_001, mode: mode)))
        #expect(
            fault.hasPrefix("k.jwk: others may read it: every user of this machine (mode 0\(String(mode, radix: 8)))"))
        #expect(fault.contains("chmod 600 k.jwk") && fault.contains("defaultMode: 0440 with fsGroup"))
    }

    @Test func `a group that the service is not in is rejected, and named`() {
        let facts = Facts(owner: 10_001, group: 500, mode: 0o640)
        #expect(
            rule.fault(ofFile: "k", facts)?.contains("group 500, which is none of the service's (mode 0640)") == true)
        #expect(rule.fault(ofFile: "k", Facts(owner: 10_001, group: 500, mode: 0o600)) == nil)
    }

    @Test func `a file or directory of another user is rejected, and named`() {
        let facts = Facts(owner: 500, group: 20_001, mode: 0o600)
        for fault in [rule.fault(ofFile: "k", facts), rule.fault(ofDirectory: "k", facts)] {
            #expect(fault?.hasPrefix("k: belongs to user 500") == true && fault?.hasSuffix("chown 10001 k") == true)
        }
    }

    @Test(
        arguments: [
            (0o700, 500, true), (0o755, 500, true), (0o2770, 20_001, true), (0o775, 20_001, true), (0o770, 500, false),
            (0o777, 20_001, false), (0o1777, 20_001, false), (0o702, 20_001, false),
        ] as [(UInt32, UInt32, Bool)])
    func `a directory that others may write is rejected`(_ mode: UInt32, _ group: UInt32, _ isGood: Bool) {
        for owner in [0, 10_001] as [UInt32] {
            let fault = rule.fault(ofDirectory: "keys", Facts(owner: owner, group: group, mode: mode))
            #expect((fault == nil) == isGood, "\(fault ?? "")")
        }
    }

    @Test func `root's commands take what the directory's owner has, the service of root does not`() {
        let facts = Facts(owner: 10_001, group: 10_001, mode: 0o640)
        #expect(SecretFileRule(user: 0, otherOwner: 10_001, groups: [0, 10_001]).fault(ofFile: "k", facts) == nil)
        #expect(SecretFileRule(user: 0, groups: [0]).fault(ofFile: "k", facts) != nil)
    }

    /// Version 2, the owner, named users and groups, the owning group, the mask, everyone else.
    private func list(users: [(UInt32, UInt8)] = [], owning: UInt8 = 0, groups: [(UInt32, UInt8)] = [], mask: UInt8 = 7)
        -> [UInt8]
    {
        func entry(_ tag: UInt8, _ permissions: UInt8, _ id: UInt32 = .max) -> [UInt8] {
            [tag, 0, permissions, 0] + (0..<4).map { UInt8(truncatingIfNeeded: id >> (8 * $0)) }
        }
        return [2, 0, 0, 0] + entry(1, 6) + users.flatMap { entry(2, $0.1, $0.0) } + entry(4, owning)
            + groups.flatMap { entry(8, $0.1, $0.0) } + entry(0x10, mask) + entry(0x20, 0)
    }

    @Test func `a list that lets in root and the service alone is fine, whatever group the file has`() {
        for bytes in [
            list(users: [(10_001, 4), (0, 4)]), list(groups: [(20_001, 4)]), list(users: [(500, 4)], mask: 0),
            list(users: [(500, 0)]), list(owning: 0, groups: [(500, 0)]),
        ] {
            #expect(rule.fault(ofFile: "k", Facts(owner: 0, group: 0, mode: 0o640, list: bytes)) == nil)
            #expect(rule.fault(ofDirectory: "k", Facts(owner: 0, group: 0, mode: 0o770, list: bytes)) == nil)
        }
    }

    @Test func `a user or group that a list lets in is rejected, though the mode shows the service's own group`() {
        func fault(_ list: [UInt8]) -> String? {
            rule.fault(ofFile: "k", Facts(owner: 0, group: 20_001, mode: 0o640, list: list))
        }
        #expect(
            fault(list(users: [(10_001, 4), (500, 4)]))
                == "k: others may read it: user 500, by an access control list. Run: setfacl -x u:500 k")
        let of600 =
            "k: others may read it: group 600, which is none of the service's, by an access control list. "
            + "Run: setfacl -x g:600 k"
        #expect(fault(list(groups: [(600, 4)])) == of600)
        let owning = Facts(owner: 0, group: 700, mode: 0o640, list: list(users: [(10_001, 4)], owning: 4))
        #expect(rule.fault(ofFile: "k", owning)?.hasSuffix("Run: setfacl -m g::- k") == true)
        let unread = "k: others may read it: it has an access control list that cannot be read. Run: setfacl -b k"
        #expect(fault([2, 0, 0, 0, 1]) == unread)
        #expect(fault([3, 0, 0, 0])?.contains("cannot be read") == true)
    }

    @Test func `a directory may be read through a list, and not written`() {
        func fault(_ permissions: UInt8) -> String? {
            let facts = Facts(owner: 0, group: 20_001, mode: 0o770, list: list(users: [(500, permissions)]))
            return rule.fault(ofDirectory: "keys", facts)
        }
        #expect(fault(5) == nil)
        let sentence = "keys: others may write here: user 500, by an access control list. Run: setfacl -x u:500 keys"
        #expect(fault(7) == sentence)
    }
}
