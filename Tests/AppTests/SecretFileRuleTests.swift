@testable import App
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
}
