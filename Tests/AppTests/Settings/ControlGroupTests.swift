import Accounts
@testable import App
import Foundation
import Testing

@Suite("What control groups allow, cgroups(7)")
struct ControlGroupTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    /// Lays files out below the scratch directory, which stands for `/`.
    private func read(_ files: [String: String]) throws -> ControlGroup {
        for (path, text) in files {
            let file = URL(fileURLWithPath: scratch["root" + path])
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
        }
        return ControlGroup(root: scratch["root"])
    }

    private let version2 = "25 1 0:22 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
    private let version1 = """
        31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
        32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
        35 31 0:32 / /sys/fs/cgroup/memory rw,relatime master:9 - cgroup cgroup rw,memory

        """

    @Test func `version 2: the least of the group's own limits and those above it`() throws {
        let group = try read([
            "/proc/self/mountinfo": version2, "/proc/self/cgroup": "0::/app.slice/martlet.service\n",
            "/sys/fs/cgroup/app.slice/cpu.max": "150000 100000\n", "/sys/fs/cgroup/app.slice/memory.max": "268435456\n",
            "/sys/fs/cgroup/app.slice/martlet.service/cpu.max": "max 100000\n",
            "/sys/fs/cgroup/app.slice/martlet.service/memory.max": "max\n",
            "/sys/fs/cgroup/other/memory.max": "1\n",
        ])
        #expect(group.processors == 1.5 && group.memory == 268_435_456)
    }

    @Test func `version 2 in a container: its own part of the tree is mounted under a path of the host`() throws {
        let group = try read([
            "/proc/self/mountinfo": "25 1 0:22 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup ro\n",
            "/proc/self/cgroup": "0::/docker/abc\n", "/sys/fs/cgroup/cpu.max": "50000 100000\n",
            "/sys/fs/cgroup/memory.max": "134217728\n",
        ])
        #expect(group.processors == 0.5 && group.memory == 134_217_728)
        #expect(group.threads(on: 8) == 1)
    }

    @Test func `version 1: quota and period, and a memory limit unless it is the largest number`() throws {
        var files = [
            "/proc/self/mountinfo": version1,
            "/proc/self/cgroup": "4:memory:/box\n3:cpu,cpuacct:/box/in\n2:name=systemd:/\n0::/\n",
            "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
            "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            "/sys/fs/cgroup/cpu,cpuacct/box/in/cpu.cfs_quota_us": "250000\n",
            "/sys/fs/cgroup/cpu,cpuacct/box/in/cpu.cfs_period_us": "100000\n",
            "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            "/sys/fs/cgroup/memory/box/memory.limit_in_bytes": "104857600\n",
        ]
        let group = try read(files)
        #expect(group.processors == 2.5 && group.memory == 104_857_600)
        files["/sys/fs/cgroup/memory/box/memory.limit_in_bytes"] = "9223372036854771712\n"
        #expect(try read(files).memory == nil)
    }

    @Test(arguments: [
        [:], ["/proc/self/mountinfo": "x\n\n1 2 - cgroup2\n", "/proc/self/cgroup": "nonsense\n0::/../../etc\n"],
        [
            "/proc/self/mountinfo": "25 1 0:22 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
            "/proc/self/cgroup": "0::/\n",
            "/sys/fs/cgroup/cpu.max": "100000 0\n", "/sys/fs/cgroup/memory.max": "-5\n",
        ],
    ])
    func `no limit where nothing readable says one`(_ files: [String: String]) throws {
        let group = try read(files)
        #expect(group.processors == nil && group.memory == nil && group.threads(on: 6) == 6)
    }

    @Test(arguments: [(0.1, 8, 1), (1.0, 8, 1), (1.2, 8, 2), (3.0, 2, 2), (1e300, 4, 4), (2.5, 0, 1)])
    func `threads are the quota rounded up, and no more than the processors`(
        _ quota: Double, _ processors: Int, _ threads: Int
    ) throws {
        let text = quota == 1e300 ? "1\(String(repeating: "0", count: 300)) 1" : "\(Int(quota * 100_000)) 100000"
        let group = try read([
            "/proc/self/mountinfo": version2, "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": text,
        ])
        #expect(group.threads(on: processors) == threads)
    }

    @Test func `password hashing gets half of the memory, and at least one worker`() throws {
        func memory(_ wanted: Int, _ stored: Int, _ limit: Int?) -> HashMemory {
            HashMemory(wanted: wanted, parameters: .standard, stored: stored, limit: limit)
        }
        let each = 19_456 << 10
        #expect(memory(8, 0, nil).workers == 8 && !memory(8, 0, nil).isTight)
        #expect(memory(8, 0, 16 * each).workers == 8 && !memory(8, 0, 16 * each).isTight)
        #expect(memory(8, 0, 16 * each - 1).workers == 7 && memory(8, 0, 16 * each - 1).isTight)
        #expect(memory(1, 0, each).workers == 1 && memory(1, 0, each).isTight)
        // A stored hash that costs more than today's parameters counts by what it costs.
        #expect(memory(8, 2 * each, 16 * each).workers == 4 && memory(8, 2 * each, 16 * each).each == 2 * each)
    }
}
