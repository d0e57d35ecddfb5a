package import Revocation

/// The data of sessions is in the engine only, not in the copy of a node.
extension StoreLedger: SessionDataStore {
    package func readData(
        of session: DataSession, _ done: @escaping @Sendable (Result<StoredSessionData, SessionDataFault>) -> Void
    ) {
        readData(sid: session.sid) { result in
            switch result {
            case .success(.data(let data)):
                done(.success(data.map { StoredSessionData(revision: $0.revision, content: $0.content) } ?? .none))
            case .success(.rejected(let denial)): done(.failure(.ended(denial)))
            case .success: done(.failure(.unavailable(reason: Self.otherAnswer)))
            case .failure(let fault): done(.failure(.unavailable(reason: "\(fault)")))
            }
        }
    }

    /// A write that failed may have happened: the step before it, a read, was answered.
    package func writeData(
        _ content: [UInt8], of session: DataSession, expecting expected: UInt64,
        _ done: @escaping @Sendable (Result<UInt64, SessionDataFault>) -> Void
    ) {
        let write = SessionDataWrite(
            sid: session.sid, expected: expected, content: content, sessionEnd: session.sessionEnd,
            guardian: SessionGuard(
                birth: session.birth, idHigh: session.idHigh, all: session.allKey, client: session.clientKey,
                subject: session.subjectKey))
        writeData(write) { result in
            switch result {
            case .success(.stored(let revision)): done(.success(revision))
            case .success(.conflict): done(.failure(.conflict))
            case .success(.rejected(let denial)): done(.failure(.ended(denial)))
            case .success: done(.failure(.unconfirmed(reason: Self.otherAnswer)))
            case .failure(let fault): done(.failure(.unconfirmed(reason: "\(fault)")))
            }
        }
    }

    private static let otherAnswer = "the engine answered another question"
}
