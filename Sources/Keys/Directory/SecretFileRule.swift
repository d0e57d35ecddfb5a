import Glibc

/// Who may own, read and change files that hold private keys.
///
/// Root and the service's own user own them. A group may read and write them if the service is a member, because a volume of
/// Kubernetes with `fsGroup` and a secret mounted with mode 0440 look like this. An access control list may let the service
/// itself in, as is usual for certificates that another program renews. Other users of the machine get nothing.
package struct SecretFileRule: Equatable, Sendable {
    /// What stat(2) reports about a file or directory.
    package struct Facts: Equatable, Sendable {
        package let owner: UInt32
        package let group: UInt32
        package let mode: UInt32
        /// Its access control list; nil without one.
        package let list: [UInt8]?

        package init(owner: UInt32, group: UInt32, mode: UInt32, list: [UInt8]? = nil) {
            self.owner = owner
            self.group = group
            self.mode = mode & 0o7777
            self.list = list
        }

        /// - Returns: `nil` if there is nothing, or nothing that this process has access to.
        package init?(_ path: String) {
            var status = stat()
            guard unsafe stat(path, &status) == 0 else { return nil }
            self.init(
                owner: status.st_uid, group: status.st_gid, mode: status.st_mode, list: AccessList.bytes(of: path))
        }

        fileprivate var modeText: String {
            let digits = String(mode & 0o777, radix: 8)
            return String(repeating: "0", count: max(0, 4 - digits.utf8.count)) + digits
        }
    }

    private let user: UInt32
    private let owners: Set<UInt32>
    private let groups: Set<UInt32>

    package init(user: UInt32, otherOwner: UInt32? = nil, groups: Set<UInt32>) {
        self.user = user
        self.groups = groups
        owners = Set([0, user] + [otherOwner].compactMap { $0 })
    }

    /// For the user and the groups of this process: what the service applies.
    package static var ofProcess: SecretFileRule {
        SecretFileRule(user: geteuid(), groups: ownGroups)
    }

    /// For a command. Root works on behalf of the service, so what the owner of the directory has is right as well.
    package static func ofCommand(in directory: String) -> SecretFileRule {
        guard geteuid() == 0, let facts = Facts(directory) else { return .ofProcess }
        return SecretFileRule(user: 0, otherOwner: facts.owner, groups: ownGroups.union([facts.group]))
    }

    private static var ownGroups: Set<UInt32> {
        let count = getgroups(0, nil)
        guard count > 0 else { return [getegid()] }
        var groups = [gid_t](repeating: 0, count: Int(count))
        let filled = unsafe getgroups(count, &groups)
        return Set(groups.prefix(Int(max(0, filled))) + [getegid()])
    }

    /// What is wrong with a file that contains a key, and how to fix it; `nil` if nothing is wrong.
    package func fault(ofFile path: String, _ facts: Facts) -> String? {
        if let fault = ownerFault(path, facts) { return fault }
        let advice =
            "Run: chmod 600 \(path). On a read-only volume, mount it with mode 0440 and a group of the service "
            + "(Kubernetes: defaultMode: 0440 with fsGroup)"
        if facts.mode & 0o007 != 0 {
            return "\(path): others may read it: every user of this machine (mode \(facts.modeText)). \(advice)"
        }
        if let list = facts.list {
            return listFault(path, list, facts, granting: 7).map { "\(path): others may read it: \($0)" }
        }
        if facts.mode & 0o070 != 0, !groups.contains(facts.group) {
            return "\(path): others may read it: group \(facts.group), which is none of the service's "
                + "(mode \(facts.modeText)). \(advice)"
        }
        return nil
    }

    /// What is wrong with a directory of such files: a program that may write there can add a key of its own.
    package func fault(ofDirectory path: String, _ facts: Facts) -> String? {
        if let fault = ownerFault(path, facts) { return fault }
        if facts.mode & 0o002 != 0 {
            return
                "\(path): every user of this machine may write here (mode \(facts.modeText)). Run: chmod o-w \(path). "
                + "If it is the root of a volume, name a directory in it, which the first start creates with mode 0700"
        }
        if let list = facts.list {
            return listFault(path, list, facts, granting: 2).map { "\(path): others may write here: \($0)" }
        }
        if facts.mode & 0o020 != 0, !groups.contains(facts.group) {
            return "\(path): group \(facts.group), which is none of the service's, may write here "
                + "(mode \(facts.modeText)). Run: chmod g-w \(path)"
        }
        return nil
    }

    /// Which users an access control list admits in addition to root and the service.
    private func listFault(_ path: String, _ bytes: [UInt8], _ facts: Facts, granting permissions: UInt16) -> String? {
        guard let list = AccessList(bytes, owningGroup: facts.group, granting: permissions) else {
            return "it has an access control list that cannot be read. Run: setfacl -b \(path)"
        }
        if let other = list.users.subtracting(owners).min() {
            return "user \(other), by an access control list. Run: setfacl -x u:\(other) \(path)"
        }
        guard let other = list.groups.subtracting(groups).min() else { return nil }
        let entry = other == facts.group ? "-m g::-" : "-x g:\(other)"
        return "group \(other), which is none of the service's, by an access control list. "
            + "Run: setfacl \(entry) \(path)"
    }

    private func ownerFault(_ path: String, _ facts: Facts) -> String? {
        guard !owners.contains(facts.owner) else { return nil }
        return
            "\(path): belongs to user \(facts.owner), who could replace the keys; expected root or the service's own "
            + "user \(user). Run: chown \(user) \(path)"
    }
}
