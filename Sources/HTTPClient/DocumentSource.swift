package import Platform

/// Returns documents by URL: from the cache while they are fresh, else from their server.
package final class DocumentSource {
    package struct Document: Equatable {
        package let body: [UInt8]
        /// Whether the server has just sent or confirmed the document.
        package let isConfirmed: Bool
        /// Whether the copy is stale and the server could not be reached.
        package let isStale: Bool
    }

    private let client: WebClient
    private let cache: DocumentCache?
    /// Milliseconds for which a stale copy may be used if the server cannot be reached.
    private let staleMax: Int64
    private let now: UnixMilliseconds

    package init(client: WebClient, cache: DocumentCache?, staleMax: Int64, now: UnixMilliseconds) {
        self.client = client
        self.cache = cache
        self.staleMax = staleMax
        self.now = now
    }

    /// Returns the cached copy if it is fresh.
    package func freshCopy(of address: WebAddress) -> Document? {
        guard let copy = cache?.document(at: address.text), copy.isFresh(at: now) else { return nil }
        return Document(body: copy.body, isConfirmed: false, isStale: false)
    }

    /// Returns the document at `address`.
    ///
    /// - Parameter isConfirming: whether to ask the server even if the copy is fresh.
    package func document(at address: WebAddress, isConfirming: Bool = false) throws(FetchError) -> Document {
        let copy = cache?.document(at: address.text)
        if let copy, !isConfirming, copy.isFresh(at: now) {
            return Document(body: copy.body, isConfirmed: false, isStale: false)
        }
        do throws(FetchError) {
            return try ask(address, copy)
        } catch {
            guard let copy, copy.checkedAt <= now, now.milliseconds(since: copy.freshUntil) < staleMax else {
                throw error
            }
            return Document(body: copy.body, isConfirmed: false, isStale: true)
        }
    }

    private func ask(_ address: WebAddress, _ copy: CachedDocument?) throws(FetchError) -> Document {
        let answer = try client.get(address, etag: copy?.etag)
        let body: [UInt8]
        switch (answer.status, copy) {
        case (200, _): body = answer.body
        case (304, let copy?): body = copy.body
        default: throw .status(answer.status, address: address.authority)
        }
        if let seconds = Freshness.seconds(of: answer) {
            let etag = answer.field("etag").flatMap { CachedDocument.isTag($0) ? $0 : nil }
            cache?.keep(
                CachedDocument(
                    url: address.text, etag: etag ?? (answer.status == 304 ? copy?.etag : nil), checkedAt: now,
                    freshUntil: now.adding(seconds: seconds), body: body))
        } else {
            cache?.forget(address.text)
        }
        return Document(body: body, isConfirmed: true, isStale: false)
    }
}
