package import Accounts
import Revocation
import Telemetry

extension AuthState {
    /// Applies changed clients.
    ///
    /// What belongs to a client that was removed or disabled ends for good: readers of revocations have no clients. The same
    /// is true for a client that may no longer open sessions for users that only it knows, because such sessions would end.
    package func apply(_ changed: ClientDirectory) {
        let before = clients.current
        // The directory first: what begins later is not affected by the revocation.
        clients.replace(with: changed)
        for client in before.clients where !client.isDisabled {
            let new = changed.client(id: client.id)
            guard let new, !new.isDisabled, new.opensExternalSessions || !client.opensExternalSessions else {
                end(client)
                continue
            }
        }
    }

    /// Ends what belongs to disabled clients: the journal has no record of a change while no process was running.
    package func endDisabledClients() {
        for client in clients.current.clients where client.isDisabled { end(client) }
    }

    private func end(_ client: Client) {
        // A server that follows another one has clients for its own feed only.
        guard followed == nil else { return }
        revocations.cut(
            .client, name: Array(client.id.utf8), reason: RevocationReason.accountChanged.rawValue
        ) { [log] result in
            guard case .failure(let fault) = result else { return }
            log.write(.error, "client_end_not_durable") { line in
                line.add("client", client.id)
                line.add("reason", "\(fault)")
            }
        }
    }

    /// Whether the client is still enabled, whatever the present request has seen.
    func isEnabled(_ client: Client) -> Bool {
        clients.current.client(id: client.id)?.isDisabled == false
    }
}

extension Client {
    /// Whether the client may open sessions for users that only it knows.
    var opensExternalSessions: Bool { opensForAnyUser && grants.contains(Self.session) }
}
