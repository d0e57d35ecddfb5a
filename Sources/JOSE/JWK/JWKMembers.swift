import Encoding
import OpenSSL

/// The members of one JWK, each checked for its type.
struct JWKMembers {
    let document: JSONDocument
    let node: JSONDocument.Node

    func text(_ name: StaticString, in bytes: Span<UInt8>) throws(KeyError) -> String? {
        guard let value = document.member(name, of: node, in: bytes) else { return nil }
        guard let text = document.string(value, in: bytes) else { throw .memberInvalid("\(name)") }
        return text
    }

    func texts(_ name: StaticString, in bytes: Span<UInt8>) throws(KeyError) -> [String]? {
        guard let value = document.member(name, of: node, in: bytes) else { return nil }
        guard document.kind(value) == .array else { throw .memberInvalid("\(name)") }
        var texts: [String] = []
        for element in document.children(value) {
            guard let text = document.string(element, in: bytes) else { throw .memberInvalid("\(name)") }
            texts.append(text)
        }
        return texts
    }

    func octets(_ name: StaticString, in bytes: Span<UInt8>) throws(KeyError) -> [UInt8] {
        guard let text = try text(name, in: bytes) else { throw .memberMissing("\(name)") }
        guard let octets = Base64URL.decode(text), !octets.isEmpty else { throw .memberInvalid("\(name)") }
        return octets
    }

    func rsa(in bytes: Span<UInt8>) throws(KeyError) -> JWK.Material {
        let n = try octets("n", in: bytes)
        let e = try octets("e", in: bytes)
        let publicHalf: RSAPublicComponents
        do { publicHalf = try RSAPublicComponents(modulus: n, exponent: e) } catch { throw .crypto(error) }
        guard isPrivate(in: bytes) else { return .publicHalf(.rsa(publicHalf)) }
        // A recipient that does not support more than two primes must reject the key (RFC 7518 §6.3.2.7).
        guard document.member("oth", of: node, in: bytes) == nil else { throw .unsupported("oth") }
        return .pair(
            .rsa(
                RSAPrivateComponents(
                    publicHalf: publicHalf, d: try octets("d", in: bytes), p: try octets("p", in: bytes),
                    q: try octets("q", in: bytes), dp: try octets("dp", in: bytes), dq: try octets("dq", in: bytes),
                    qi: try octets("qi", in: bytes))))
    }

    func ec(in bytes: Span<UInt8>) throws(KeyError) -> JWK.Material {
        guard let name = try text("crv", in: bytes) else { throw .memberMissing("crv") }
        guard let curve = Curve(rawValue: name) else { throw .unsupported("crv \(name.prefix(32)) for kty EC") }
        let x = try octets("x", in: bytes)
        let y = try octets("y", in: bytes)
        let d = isPrivate(in: bytes) ? try octets("d", in: bytes) : nil
        do throws(CryptoError) {
            let publicHalf = try ECPublicPoint(curve: curve, x: x, y: y)
            guard let d else { return .publicHalf(.ec(publicHalf)) }
            return .pair(.ec(try ECPrivateNumbers(publicHalf: publicHalf, d: d)))
        } catch {
            throw .crypto(error)
        }
    }

    func okp(in bytes: Span<UInt8>) throws(KeyError) -> JWK.Material {
        guard let name = try text("crv", in: bytes) else { throw .memberMissing("crv") }
        guard name == "Ed25519" else { throw .unsupported("crv \(name.prefix(32)) for kty OKP") }
        let x = try octets("x", in: bytes)
        let d = isPrivate(in: bytes) ? try octets("d", in: bytes) : nil
        do throws(CryptoError) {
            let publicHalf = try Ed25519PublicBytes(x)
            guard let d else { return .publicHalf(.ed25519(publicHalf)) }
            return .pair(.ed25519(try Ed25519PrivateBytes(publicHalf: publicHalf, seed: d)))
        } catch {
            throw .crypto(error)
        }
    }

    private func isPrivate(in bytes: Span<UInt8>) -> Bool { document.member("d", of: node, in: bytes) != nil }
}
