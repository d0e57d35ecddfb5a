package import Encoding
internal import OpenSSL

extension StoredSessionData {
    /// A strong entity tag (RFC 9110 §8.8.3), with its quotes.
    ///
    /// It names the session and the content as well as the revision: the next user of a browser has other data at the
    /// same URL, and an engine that lost its last seconds may count the same revision twice.
    package func tag(of sid: UUID) -> String {
        var named: [UInt8] = []
        sid.write(to: &named)
        let digits = String(SHA256.digest128(named.span, content.span).high, radix: 16)
        return "\"\(revision)-\(String(repeating: "0", count: max(0, 16 - digits.utf8.count)))\(digits)\""
    }
}

extension RevocationStore {
    /// Where the data of sessions is stored; nil if the ledger has no place for it.
    package var sessionData: (any SessionDataStore)? { ledger as? any SessionDataStore }
}
