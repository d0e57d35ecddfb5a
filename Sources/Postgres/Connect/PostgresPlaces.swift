internal import Store

/// Where the servers of an address are, and how each is connected to.
struct PostgresPlaces: Sendable {
    /// For each server, the keywords of libpq.
    let servers: [[String: String]]
    /// The servers and the database, for messages.
    let name: String
    private let password: String?

    private static let serverCountMax = 16

    init(_ connection: StoreConnection) throws(StoreFault) {
        let remedy = "Write MARTLET_STORE as postgres://user@host1:5432,host2:5432/database, without a password."
        guard let settings = PostgresLibrary.settings(of: connection.address.text) else {
            throw .rejected(reason: "libpq cannot read the address of PostgreSQL", remedy: remedy)
        }
        guard settings["password"] == nil, settings["sslpassword"] == nil, settings["passfile"] == nil,
            settings["service"] == nil
        else {
            throw .rejected(
                reason: "the address of PostgreSQL has a password, or names a file with one",
                remedy: "Put the password into a file and name it in MARTLET_STORE_PASSWORD_FILE.")
        }
        let hosts = Self.list(settings["host"])
        let addresses = Self.list(settings["hostaddr"])
        let ports = Self.list(settings["port"])
        let count = max(hosts.count, addresses.count, 1)
        guard count <= Self.serverCountMax, [0, 1, count].contains(ports.count),
            hosts.isEmpty || hosts.count == count, addresses.isEmpty || addresses.count == count
        else {
            throw .rejected(
                reason: "the address of PostgreSQL has different numbers of hosts and ports", remedy: remedy)
        }
        password = connection.password
        var shared = settings
        for key in ["host", "hostaddr", "port"] { shared[key] = nil }
        shared["target_session_attrs"] = "read-write"
        shared["client_encoding"] = "UTF8"
        shared["application_name"] = settings["application_name"] ?? "martlet"
        // A half-open connection is found by the deadline of a call; this has the kernel give it up too.
        shared["tcp_user_timeout"] = "\(max(1, connection.timeout))"
        if let path = connection.caPath {
            shared["sslrootcert"] = path
            shared["sslmode"] = "verify-full"
        }
        servers = (0..<count).map { index in
            var server = shared
            if index < hosts.count, !hosts[index].isEmpty { server["host"] = hosts[index] }
            if index < addresses.count, !addresses[index].isEmpty { server["hostaddr"] = addresses[index] }
            let port = ports.count == 1 ? ports[0] : index < ports.count ? ports[index] : ""
            if !port.isEmpty { server["port"] = port }
            return server
        }
        let places = servers.map { "\($0["host"] ?? $0["hostaddr"] ?? "local"):\($0["port"] ?? "5432")" }
        name = "postgres://\(places.joined(separator: ","))/\(settings["dbname"] ?? settings["user"] ?? "")"
    }

    /// Connects to the first server that is the primary. One that does not answer takes no more than its share of the
    /// time.
    ///
    /// - Parameter first: the index of the server that is tried first, and then that of the primary.
    func connect(from first: inout Int, by deadline: StoreDeadline) throws(StoreFault) -> PostgresLink {
        var faults: [StoreFault] = []
        for attempt in servers.indices {
            let index = (first &+ attempt) % servers.count
            let share = Int(deadline.milliseconds) / (servers.count - attempt)
            do {
                let link = try PostgresLink(settings(of: index), by: .after(milliseconds: share))
                // Planner settings of the role, such as enable_seqscan, can make the costs of short queries so high that
                // each is compiled first, which takes longer than all the rest.
                _ = try link.run("SELECT set_config('jit', 'off', false)", by: .after(milliseconds: share))
                first = index
                return link
            } catch {
                faults.append(FaultTable.fault(error, .connecting))
            }
        }
        throw Self.joined(faults)
    }

    private func settings(of index: Int) -> [(String, String)] {
        servers[index].map { ($0.key, $0.value) } + (password.map { [("password", $0)] } ?? [])
    }

    /// A server that rejects us does not matter while another one may be the primary and is only away.
    private static func joined(_ faults: [StoreFault]) -> StoreFault {
        let reasons = faults.map { fault in
            switch fault {
            case .unreachable(let reason), .notPrimary(let reason), .rejected(let reason, _), .busy(let reason),
                .lost(let reason), .malformed(let reason), .damaged(let reason):
                reason
            case .epoch, .gone, .closed: "\(fault)"
            }
        }
        let reason = reasons.joined(separator: "; ")
        for fault in faults {
            if case .busy = fault { return .busy(reason: reason) }
        }
        var remedy: String?
        for fault in faults {
            switch fault {
            case .rejected(_, let text): remedy = remedy ?? text
            case .notPrimary: continue
            default: return .unreachable(reason: reason)
            }
        }
        return remedy.map { .rejected(reason: reason, remedy: $0) } ?? .notPrimary(reason: reason)
    }

    private static func list(_ text: String?) -> [String] {
        text.map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) } ?? []
    }
}
