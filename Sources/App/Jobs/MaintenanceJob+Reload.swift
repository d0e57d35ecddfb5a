import Accounts
import OpenSSL
import Platform
import Service
import Synchronization
import Telemetry

extension MaintenanceJob {
    /// Reloads everything, changed or not.
    func reload() {
        reloading.withLock { _ in
            let stamps = files.stamps()
            reloadUsers(stamps.users)
            reloadClients(stamps.clients)
            reloadKeys(keys.stamp())
            reloadWhatWaited(after: .clients, .keys)
            if let tls { reloadTLS(tls, tls.stamp(), isAsked: true) }
        }
    }

    func retryWhatFailed() {
        let failed = reloads.failures.map(\.source)
        guard !failed.isEmpty else { return }
        reloading.withLock { _ in
            state.withLock { $0.isRetrying = true }
            let stamps = files.stamps()
            if failed.contains(.users) { reloadUsers(stamps.users) }
            if failed.contains(.clients) { reloadClients(stamps.clients) }
            if failed.contains(.keys) { reloadKeys(keys.stamp()) }
            if failed.contains(.tls), let tls { reloadTLS(tls, tls.stamp()) }
            state.withLock { $0.isRetrying = false }
        }
    }

    func rotateTicketKeys() {
        guard let tls else { return }
        reloading.withLock { _ in reloadTLS(tls, tls.stamp()) }
    }

    /// Reloads what changed since it was read.
    func reloadWhatChanged() {
        reloading.withLock { _ in reloadWhatDiffers() }
    }

    private func reloadWhatDiffers() {
        let seen = state.withLock { $0.stamps }
        let accounts = files.stamps()
        if accounts.users != seen.accounts.users { reloadUsers(accounts.users) }
        if accounts.clients != seen.accounts.clients { reloadClients(accounts.clients) }
        let keyStamps = keys.stamp()
        let areKeysBehind = keys.isBehind(keyStamps)
        if areKeysBehind { reloadKeys(keyStamps) }
        if accounts.clients != seen.accounts.clients { reloadWhatWaited(after: .clients) }
        if areKeysBehind { reloadWhatWaited(after: .keys) }
        if let tls {
            let stamps = tls.stamp()
            let isOver = state.withLock { $0.renewal.isOver(at: MonotonicClock.nanoseconds() / 1_000_000) }
            if isOver || stamps != seen.tls { reloadTLS(tls, stamps) }
        }
    }

    /// Existing connections keep their certificate.
    ///
    /// - Parameter isAsked: whether the operator requested it. Errors are then reported at once.
    private func reloadTLS(_ tls: TLSFiles, _ stamps: [FileStamp], isAsked: Bool = false) {
        let monotonic = MonotonicClock.nanoseconds() / 1_000_000
        state.withLock { state in
            if state.stamps.tls != stamps { state.renewal.changed(at: monotonic) }
            state.stamps.tls = stamps
        }
        do throws(StartError) {
            if tls.isSelfSigned { _ = try tls.fill(now: authState.clock.now) }
            identity?.replace(with: try tls.load(now: authState.clock.now))
            state.withLock { $0.renewal.succeeded() }
            succeeded(.tls)
        } catch {
            let mayBeUnfinished = !isAsked && !tls.isOutOfDate(now: authState.clock.now)
            guard mayBeUnfinished, state.withLock({ $0.renewal.waits(at: monotonic) }) else {
                return failed(.tls, error)
            }
            authState.log.write(.info, "renewal_unfinished") { $0.add("reason", error.description) }
        }
    }

    private func reloadUsers(_ stamp: FileStamp) {
        let mustExist = state.withLock { state in
            state.stamps.accounts.users = stamp
            return state.hadUsers
        }
        take(.users) { () throws(StartError) in
            try accounts.updating { () throws(StartError) in
                let users = try files.users(mustExist: mustExist)
                state.withLock { $0.hadUsers = stamp.exists }
                warn("users", countBefore: accounts.current.users.count, count: users.users.count, files.usersPath)
                accounts.apply(users)
            }
            usersReloaded(accounts.current)
            warnOfReadableAccounts()
        }
    }

    private func reloadClients(_ stamp: FileStamp) {
        let mustExist = state.withLock { state in
            state.stamps.accounts.clients = stamp
            return state.hadClients
        }
        take(.clients) { () throws(StartError) in
            let clients = try files.clients(mustExist: mustExist)
            try keys.check(clients)
            state.withLock { $0.hadClients = stamp.exists }
            warn(
                "clients", countBefore: authState.clients.current.clients.count, count: clients.clients.count,
                files.clientsPath)
            authState.apply(clients)
            warnOfReadableAccounts()
        }
    }

    /// Clients and keys are checked against each other, so a change of both may fail in one order and succeed in the
    /// other. What failed is retried once after the other was applied.
    private func reloadWhatWaited(after changed: ReloadSource...) {
        let failed = reloads.failures.map(\.source)
        if changed.contains(.keys), failed.contains(.clients), !failed.contains(.keys) {
            reloadClients(FileStamp(files.clientsPath))
        }
        if changed.contains(.clients), failed.contains(.keys), !failed.contains(.clients) {
            reloadKeys(keys.stamp())
        }
    }

    /// A tool that failed halfway may leave an empty list. It is applied, because it may be intended.
    private func warn(_ kind: String, countBefore: Int, count: Int, _ path: String) {
        guard count == 0, countBefore > 0 else { return }
        authState.log.write(.warning, "accounts_emptied") { line in
            line.add("what", kind)
            line.add("path", path)
            line.add("before", countBefore)
            line.add("after", count)
        }
    }

    /// Warns once for each mode of a file that other users may read.
    func warnOfReadableAccounts() {
        let found = files.readableByOthers()
        let news = state.withLock { state in
            defer { state.readable = Dictionary(found.map { ($0.path, $0.mode) }) { $1 } }
            return found.filter { state.readable[$0.path] != $0.mode }
        }
        for (path, mode) in news {
            authState.log.write(.warning, "accounts_readable_by_others") { line in
                line.add("path", path)
                line.add("mode", mode)
                line.add("advice", "chmod 600 \(path)")
            }
        }
    }

    private func reloadKeys(_ stamps: [FileStamp]) {
        take(.keys) { () throws(StartError) in try keys.apply(stamp: stamps) }
    }

    /// A failed reload keeps the old state and logs the reason.
    private func take(_ source: ReloadSource, _ read: () throws(StartError) -> Void) {
        do throws(StartError) {
            try read()
            succeeded(source)
        } catch {
            failed(source, error)
        }
    }

    private func succeeded(_ source: ReloadSource) {
        reloads.succeeded(source, at: authState.clock.now)
        authState.log.write(.info, "reloaded") { $0.add("what", source.rawValue) }
    }

    private func failed(_ source: ReloadSource, _ fault: StartError) {
        let isRepeated = reloads[source]?.reason == fault.description
        reloads.failed(source, at: authState.clock.now, reason: fault.description)
        if isRepeated, state.withLock({ $0.isRetrying }) { return }
        authState.log.write(.error, "reload_failed") { line in
            line.add("what", source.rawValue)
            line.add("reason", fault.description)
        }
    }
}
