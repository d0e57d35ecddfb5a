import Encoding
import JOSE
import Keys
import OpenSSL
import Platform
import Tokens

/// Keys, a moment and tokens that are the same in every run, so that what a fuzzer found can be run again.
struct FixedKeys {
    static let now: UnixMilliseconds = 1_800_000_000_000
    static let issuer = "https://auth.example"

    /// 32 octets of no meaning.
    private static let secret = digest("the fuzzers' access secret")
    private static let refreshSecret = digest("the fuzzers' refresh secret")
    /// The public half of RFC 7515 A.2.1.
    private static let modulus = """
        ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-\
        SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-\
        UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2et\
        hFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ
        """

    static let files = [
        #"{"kty":"oct","alg":"HS256","use":"sig","kid":"mac","purpose":"access","iat":1700000000,"k":"\#(encoded(secret))"}"#,
        #"{"kty":"RSA","alg":"RS256","use":"sig","kid":"rsa","purpose":"access","iat":1700000000,"e":"AQAB","n":"\#(modulus)"}"#,
        #"{"kty":"oct","alg":"HS256","use":"sig","kid":"ref","purpose":"refresh","iat":1700000000,"k":"\#(encoded(refreshSecret))"}"#,
    ]

    let keyring: Keyring

    init() {
        do {
            keyring = try Keyring(
                Self.files.map { (file) throws(KeyError) in
                    let octets = Array(file.utf8)
                    return try Key(parsing: octets.span)
                })
        } catch {
            fatalError("the fixed keys are good: \(error)")
        }
    }

    func verifier() -> Verifier {
        do {
            return try Verifier(keyring: keyring, issuer: Self.issuer, leeway: 0)
        } catch {
            fatalError("the fixed keys are good: \(error)")
        }
    }

    /// A token with a good MAC over whatever `payload` is.
    static func access(_ payload: [UInt8]) -> [UInt8] {
        signed(#"{"alg":"HS256","typ":"at+jwt","kid":"mac"}"#, payload, secret)
    }

    static func refresh(_ payload: [UInt8]) -> [UInt8] {
        signed(#"{"alg":"HS256","typ":"rt+jwt","kid":"ref"}"#, payload, refreshSecret)
    }

    static let accessPayload = #"""
        {"iss":"https://auth.example","sub":"alice","aud":"api","client_id":"first-party","iat":1800000000,\#
        "exp":1800000600,"jti":"0191a2b3-c4d5-8e6f-8091-a2b3c4d5e6f7","sid":"019a0000-0000-7001-8000-000000000001",\#
        "scope":"read write","auth_time":1799999900,"amr":["pwd"],"roles":["ops"]}
        """#
    static let refreshPayload = #"""
        {"iss":"https://auth.example","aud":"https://auth.example","sub":"alice","client_id":"first-party",\#
        "iat":1800000000,"exp":1800001000,"sxp":1800005000,"sid":"019a0000-0000-7001-8000-000000000001","gen":3,\#
        "taud":["api"],"scope":"read","auth_time":1799999900,"amr":["pwd"]}
        """#

    private static func digest(_ text: String) -> [UInt8] {
        let octets = Array(text.utf8)
        return SHA256.digest(octets.span)
    }

    private static func encoded(_ octets: [UInt8]) -> String { Base64URL.encode(octets) }

    private static func signed(_ header: String, _ payload: [UInt8], _ secret: [UInt8]) -> [UInt8] {
        let input = Array("\(encoded(Array(header.utf8))).\(encoded(payload))".utf8)
        return input + Array(".\(encoded(mac(input, secret)))".utf8)
    }

    /// HMAC-SHA-256 of RFC 2104 for a secret of 32 octets, by the digest alone: a second opinion on the product's.
    private static func mac(_ message: [UInt8], _ secret: [UInt8]) -> [UInt8] {
        let block = secret + [UInt8](repeating: 0, count: 32)
        let inner = block.map { $0 ^ 0x36 } + message
        let outer = block.map { $0 ^ 0x5c } + SHA256.digest(inner.span)
        return SHA256.digest(outer.span)
    }
}
