import Encoding
import HTTPClient
import JOSE
import OpenSSL
import Platform
import Revocation
import Tokens

/// The snapshot of revocations that `martlet verify --revocations` compares tokens with.
struct RevocationSource {
    enum Place: Equatable {
        case file(String)
        case url(WebAddress)
    }

    private static let byteCountMax = 2_147_483_647
    private static let lineByteCountMax = 65_536

    let place: Place
    /// The `iss` that the snapshot must have; nil to compare it with each token.
    let issuer: String?
    /// The maximum age in seconds.
    let ageMax: Int64
    /// Seconds by which the clocks may differ.
    let leeway: Int64
    /// The file with the id and the secret of the client that reads the snapshot; nil for none.
    let clientPath: String?

    /// Reads the snapshot and checks everything: signature, issuer, digest, number of records, age.
    func load(
        _ keys: KeyProvider, client: WebClient, now: UnixMilliseconds
    ) throws(KeyProvider.Fault) -> CheckedRevocations {
        let content = try content(client)
        guard let end = content.prefix(Self.lineByteCountMax).firstIndex(of: UInt8(ascii: "\n")) else {
            throw unusable("the first line, a signature, is missing")
        }
        let claims = try SnapshotClaims(try checked(Array(content[..<end]), keys), unusable)
        if let issuer, claims.issuer != issuer {
            throw unusable(
                "it is from the issuer \(Printable.short(claims.issuer)), not from \(Printable.short(issuer))")
        }
        let records = content[(end + 1)...]
        let hash = SHA256Pieces()
        hash.add(records.span)
        guard claims.digest == "sha-256=:\(Base64.encode(hash.finish())):" else {
            throw unusable("its records are not those that were signed; read it again")
        }
        guard records.count == claims.count.multipliedReportingOverflow(by: FeedCodec.byteCount).partialValue else {
            throw unusable("it does not have \(claims.count) records")
        }
        let age = now.seconds.seconds(since: claims.issuedAt)
        guard age >= -leeway else {
            throw unusable("it was made \(TimeText.span(-age)) in the future by this machine's clock")
        }
        guard age <= ageMax else {
            throw .unknown(
                code: "revocations_stale",
                reason: "\(name): the snapshot is \(TimeText.span(age)) old, and \(TimeText.span(ageMax)) are allowed. "
                    + "Read a newer one, or allow more with --revocations-max-age")
        }
        var set = RevocationSet()
        do throws(FeedFault) {
            for record in try FeedCodec.records(records.span, epoch: claims.position.epoch) { set.insert(record) }
        } catch {
            throw unusable("record \(error.index) is not one that this version understands (\(error))")
        }
        return CheckedRevocations(issuer: claims.issuer, set: set)
    }

    private var name: String {
        switch place {
        case .file(let path): Printable.short(path)
        case .url(let address): address.text
        }
    }

    /// A file with a mistake is a mistake of the caller; an answer with one is not.
    private func unusable(_ reason: String) -> KeyProvider.Fault {
        switch place {
        case .file: .file("\(name): not a usable snapshot: \(reason)")
        case .url: .unknown(code: "revocations_unusable", reason: "\(name): not a usable snapshot: \(reason)")
        }
    }

    private func content(_ client: WebClient) throws(KeyProvider.Fault) -> [UInt8] {
        switch place {
        case .file(let path):
            do throws(FileError) { return try AtomicFile.read(path, byteCountMax: Self.byteCountMax) } catch {
                throw .file("\(name): \(error)")
            }
        case .url(let address):
            var client = client
            client.bodyByteCountMax = Self.byteCountMax
            if let clientPath { client.requestFields = try Self.authorization(clientPath) }
            let answer: Answer
            do throws(FetchError) { answer = try client.get(address) } catch {
                throw .unknown(code: "revocations_unreachable", reason: error.description)
            }
            guard answer.status == 200 else {
                let hint =
                    answer.status == 401 || answer.status == 403 ? "; name a client with --revocations-client" : ""
                throw .unknown(code: "revocations_unreachable", reason: "\(name) answers \(answer.status)\(hint)")
            }
            return answer.body
        }
    }

    /// The field that authenticates the client of a file with one line, `id:secret`.
    private static func authorization(_ path: String) throws(KeyProvider.Fault) -> String {
        let bytes: [UInt8]
        do throws(FileError) { bytes = try AtomicFile.read(path, byteCountMax: 4_096) } catch {
            throw .file("\(Printable.short(path)): \(error)")
        }
        let line = bytes.last == UInt8(ascii: "\n") ? bytes.dropLast() : bytes[...]
        guard line.contains(UInt8(ascii: ":")), line.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
            throw .file("\(Printable.short(path)): not one line with client_id:secret")
        }
        return "Authorization: Basic \(Base64.encode(Array(line)))\r\n"
    }

    private func checked(_ line: [UInt8], _ keys: KeyProvider) throws(KeyProvider.Fault) -> [UInt8] {
        var rejection: TokenRejection
        do throws(TokenRejection) { return try Self.payload(line, keys) } catch { rejection = error }
        switch rejection {
        case .kidUnknown, .signatureInvalid, .algNotAllowed:
            try keys.confirm()
            do throws(TokenRejection) { return try Self.payload(line, keys) } catch { rejection = error }
        default: break
        }
        throw unusable("its signature is rejected: \(VerificationResult(rejection).reason)")
    }

    private static func payload(_ line: [UInt8], _ keys: KeyProvider) throws(TokenRejection) -> [UInt8] {
        guard let keys = keys.keys else { throw .kidUnknown }
        let verified = try keys.check(line.span, byteCountMax: lineByteCountMax)
        // Any holder of a shared secret could have signed it.
        guard !verified.algorithm.isMAC else { throw .algNotAllowed }
        guard try JWSHeader(verified.header).typ == "rs+jwt" else { throw .typMismatch }
        return verified.payload
    }
}

/// The signed statement about a snapshot.
private struct SnapshotClaims {
    let issuer: String
    let issuedAt: UnixSeconds
    let position: LedgerPosition
    let count: Int
    let digest: String

    init(_ payload: [UInt8], _ unusable: (String) -> KeyProvider.Fault) throws(KeyProvider.Fault) {
        let bytes = payload.span
        var document = JSONDocument()
        guard (try? document.parse(bytes)) != nil,
            let issuer = document.member("iss", of: 0, in: bytes).flatMap({ document.string($0, in: bytes) }),
            let issuedAt = document.member("iat", of: 0, in: bytes).flatMap({ document.integer($0, in: bytes) }),
            let text = document.member("pos", of: 0, in: bytes).flatMap({ document.string($0, in: bytes) }),
            let position = LedgerPosition(text: text),
            let number = document.member("count", of: 0, in: bytes).flatMap({ document.integer($0, in: bytes) }),
            let count = Int(exactly: number), count >= 0,
            let digest = document.member("digest", of: 0, in: bytes).flatMap({ document.string($0, in: bytes) })
        else { throw unusable("its signed claims are not iss, iat, pos, count and digest") }
        self.issuer = issuer
        self.issuedAt = UnixSeconds(issuedAt)
        self.position = position
        self.count = count
        self.digest = digest
    }
}
