package import API
import Accounts
import Glibc
import Platform

extension ProcessFigures {
    /// As the kernel counts at this moment: getrusage(2), getrlimit(2), and proc(5), which a container may hide.
    package static func read() -> ProcessFigures {
        var figures = ProcessFigures()
        var usage = rusage()
        if unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 {
            let microseconds = usage.ru_utime.tv_usec + usage.ru_stime.tv_usec
            let seconds = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec
            figures.cpuSeconds = Double(seconds) + Double(microseconds) / 1_000_000
        }
        var limit = rlimit()
        if unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            figures.descriptorCountMax = Int(clamping: limit.rlim_cur)
        }
        let pageByteCount = Int(sysconf(Int32(_SC_PAGESIZE)))
        let pages = memoryPages()
        figures.virtualByteCount = pages?.total.multipliedReportingOverflow(by: pageByteCount).partialValue
        figures.residentByteCount = pages?.resident.multipliedReportingOverflow(by: pageByteCount).partialValue
        figures.descriptorCount = entryCount("/proc/self/fd").map { max(0, $0 - 1) }
        return figures
    }

    /// The first two numbers of `/proc/self/statm`.
    private static func memoryPages() -> (total: Int, resident: Int)? {
        guard let octets = try? AtomicFile.read("/proc/self/statm", byteCountMax: 4_096) else { return nil }
        let numbers = String(decoding: octets, as: UTF8.self).split(separator: " ").prefix(2).compactMap { Int($0) }
        guard numbers.count == 2 else { return nil }
        return (numbers[0], numbers[1])
    }

    private static func entryCount(_ path: String) -> Int? {
        guard let directory = unsafe opendir(path) else { return nil }
        defer { unsafe closedir(directory) }
        var count = 0
        while let entry = unsafe readdir(directory) {
            // Neither `.` nor `..`.
            if unsafe entry.pointee.d_name.0 != CChar(UInt8(ascii: ".")) { count += 1 }
        }
        return count
    }
}
