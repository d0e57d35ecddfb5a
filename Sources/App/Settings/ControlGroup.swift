import Accounts
import Platform

/// The limits of the control groups of this process (cgroups(7)), of version 1, version 2, or both.
package struct ControlGroup: Equatable, Sendable {
    /// The CPU quota as a number of processors; nil for no limit.
    package let processors: Double?
    /// Bytes; nil for no limit.
    package let memory: Int?

    /// From this value on, version 1 means no limit.
    private static let unlimited = 1 << 60

    /// - Parameter root: precedes `/proc` and `/sys`; only tests set it.
    package init(root: String = "") {
        let mounts = Self.lines(root + "/proc/self/mountinfo").compactMap(Mount.init)
        let memberships = Self.lines(root + "/proc/self/cgroup").compactMap(Membership.init)
        var processors: [Double] = []
        var memory: [Int] = []
        for mount in mounts {
            for group in memberships where mount.holds(group) {
                for directory in mount.directories(down: group.path) {
                    let place = root + directory
                    if let quota = Self.quota(place) { processors.append(quota) }
                    for name in ["memory.max", "memory.limit_in_bytes"] {
                        guard let bytes = Self.text(place + "/" + name).flatMap({ Int($0) }) else { continue }
                        if bytes > 0, bytes < Self.unlimited { memory.append(bytes) }
                    }
                }
            }
        }
        self.processors = processors.min()
        self.memory = memory.min()
    }

    /// Returns how many threads can run at the same time.
    ///
    /// - Parameter processors: how many the affinity mask of this process allows.
    package func threads(on processors: Int) -> Int {
        guard let quota = self.processors else { return max(processors, 1) }
        return max(min(processors, Int(min(quota.rounded(.up), 65_536))), 1)
    }

    private static func quota(_ directory: String) -> Double? {
        let text: String
        if let both = Self.text(directory + "/cpu.max") {
            text = both
        } else if let quota = Self.text(directory + "/cpu.cfs_quota_us"),
            let period = Self.text(directory + "/cpu.cfs_period_us")
        {
            text = quota + " " + period
        } else {
            return nil
        }
        let numbers = text.split(separator: " ").map { Double($0) }
        guard numbers.count == 2, let quota = numbers[0], let period = numbers[1], quota > 0, period > 0 else {
            return nil
        }
        return quota / period
    }

    private static func text(_ path: String) -> String? { lines(path).first }

    private static func lines(_ path: String) -> [String] {
        guard let bytes = try? AtomicFile.read(path, byteCountMax: 1 << 20) else { return [] }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    /// A line of `/proc/self/cgroup`: number, controllers (none in version 2), path.
    private struct Membership {
        let controllers: [Substring]
        let path: String

        init?(_ line: String) {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { return nil }
            controllers = parts[1].split(separator: ",")
            path = String(parts[2])
        }
    }

    /// A line of `/proc/self/mountinfo` (proc(5)) about a hierarchy of control groups.
    private struct Mount {
        /// The group whose directory is mounted at ``place``.
        let root: String
        let place: String
        /// Empty in version 2.
        let controllers: [Substring]
        let isVersion2: Bool

        init?(_ line: String) {
            let halves = line.split(separator: " ").split(separator: "-", maxSplits: 1)
            guard halves.count == 2, halves[0].count >= 5, let type = halves[1].first else { return nil }
            guard type == "cgroup" || type == "cgroup2" else { return nil }
            let fields = Array(halves[0])
            root = String(fields[3])
            place = String(fields[4])
            isVersion2 = type == "cgroup2"
            controllers = isVersion2 ? [] : (halves[1].last ?? "").split(separator: ",")
        }

        func holds(_ group: Membership) -> Bool {
            guard !group.controllers.isEmpty else { return isVersion2 }
            return !isVersion2 && group.controllers.contains { controllers.contains($0) }
        }

        /// Returns the directory of the group and the visible ones above it; the limits of all of them apply.
        func directories(down path: String) -> [String] {
            var rest = path
            if root != "/" {
                // In a container the path can be that of the host, while only the container's part of the tree is mounted.
                rest = path == root || path.hasPrefix(root + "/") ? String(path.dropFirst(root.count)) : ""
            }
            var directories = [place]
            for name in rest.split(separator: "/") where name != ".." && name != "." {
                directories.append(directories[directories.count - 1] + "/" + name)
            }
            return directories
        }
    }
}
