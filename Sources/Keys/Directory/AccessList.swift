import CLinux

/// The POSIX access control list of a file (acl(5)), as the kernel hands it out in `system.posix_acl_access`.
///
/// A file with a list shows its mask where the mode has the bits of the group, so the mode alone does not say who may read:
/// it accuses the group of what a named user may do, and is silent about that user.
struct AccessList: Equatable, Sendable {
    /// Users and groups other than the owner that have an effective permission, including the owning group.
    let users: Set<UInt32>
    let groups: Set<UInt32>

    private enum Tag {
        static let user: UInt16 = 0x02
        static let owningGroup: UInt16 = 0x04
        static let group: UInt16 = 0x08
        static let mask: UInt16 = 0x10
    }

    /// - Parameters:
    ///   - bytes: version 2, then entries of tag, permissions and id, all little-endian.
    ///   - owningGroup: of the file.
    ///   - permissions: 4 for reading, 2 for writing, 1 for searching, or a sum.
    /// - Returns: nil for another form.
    init?(_ bytes: [UInt8], owningGroup: UInt32, granting permissions: UInt16) {
        guard bytes.count >= 4, bytes.count % 8 == 4, Self.number(bytes[0..<4]) == 2 else { return nil }
        let entries = stride(from: 4, to: bytes.count, by: 8).map { start in
            (
                tag: UInt16(truncatingIfNeeded: Self.number(bytes[start..<(start + 2)])),
                permissions: UInt16(truncatingIfNeeded: Self.number(bytes[(start + 2)..<(start + 4)])),
                id: Self.number(bytes[(start + 4)..<(start + 8)])
            )
        }
        let mask = entries.first { $0.tag == Tag.mask }?.permissions ?? 7
        var users: Set<UInt32> = []
        var groups: Set<UInt32> = []
        for entry in entries where entry.permissions & mask & permissions != 0 {
            switch entry.tag {
            case Tag.user: users.insert(entry.id)
            case Tag.group: groups.insert(entry.id)
            case Tag.owningGroup: groups.insert(owningGroup)
            default: break
            }
        }
        self.users = users
        self.groups = groups
    }

    /// What getxattr(2) returns for a file; nil for a file without a list.
    static func bytes(of path: String) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = unsafe clinux_access_list(path, &bytes, UInt(bytes.count))
        guard count >= 0 else { return nil }
        return Array(bytes.prefix(Int(count)))
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }
}
