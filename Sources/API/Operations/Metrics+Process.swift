import Platform
import Telemetry

// What /metrics reports about the process, its version and the files that it reloads.
extension Application {
    static func addProcess(_ shared: ApplicationShared, _ page: inout PrometheusText) {
        page.family("martlet_build_info", .gauge, "1, with the version of the service.")
        page.sample("martlet_build_info", [("version", shared.process.version)], 1)
        page.family("process_start_time_seconds", .gauge, "When the service started, in seconds since 1970.")
        page.sample("process_start_time_seconds", seconds: shared.process.startedAt.fractionalSeconds)
        let figures = shared.processFigures()
        if let seconds = figures.cpuSeconds {
            page.family("process_cpu_seconds_total", .counter, "Processor time used, in user and kernel mode.")
            page.sample("process_cpu_seconds_total", seconds: seconds)
        }
        let gauges: [(name: String, help: String, value: Int?)] = [
            ("process_resident_memory_bytes", "Memory in use.", figures.residentByteCount),
            ("process_virtual_memory_bytes", "Address space in use.", figures.virtualByteCount),
            ("process_open_fds", "Open file descriptors.", figures.descriptorCount),
            ("process_max_fds", "Limit of open file descriptors.", figures.descriptorCountMax),
        ]
        for (name, help, value) in gauges {
            guard let value else { continue }
            page.family(name, .gauge, help)
            page.sample(name, value)
        }
    }

    static func addReloads(_ shared: ApplicationShared, _ page: inout PrometheusText) {
        let entries = ReloadSource.allCases.compactMap { source in
            shared.reloads[source].map { (source: source.rawValue, entry: $0) }
        }
        page.family("martlet_reload_last_success", .gauge, "1 if the last attempt to read a source succeeded.")
        for (source, entry) in entries {
            page.sample("martlet_reload_last_success", [("source", source)], entry.isCurrent ? 1 : 0)
        }
        let name = "martlet_reload_last_success_timestamp_seconds"
        page.family(name, .gauge, "When a source was last read successfully, in seconds since 1970.")
        for (source, entry) in entries {
            guard let time = entry.lastSuccess else { continue }
            page.sample(name, [("source", source)], seconds: time.fractionalSeconds)
        }
        guard let expiry = shared.certificateExpiry() else { return }
        let expiryName = "martlet_tls_certificate_expiry_timestamp_seconds"
        page.family(expiryName, .gauge, "When the TLS certificate expires, in seconds since 1970.")
        page.sample(expiryName, expiry.count)
    }
}
