import COpenSSL

/// The curves that keys are commonly made on, ours among them.
package enum NamedCurves {
    /// By OpenSSL's names, with the byte count of one coordinate.
    private static let all: [(name: StaticString, size: Int)] = [
        ("prime256v1", 32), ("secp256k1", 32), ("brainpoolP256r1", 32), ("secp384r1", 48), ("brainpoolP384r1", 48),
        ("secp521r1", 66),
    ]

    /// - Parameter coordinates: x and y of full length, one after the other.
    /// - Returns: whether they are a point of one of the curves.
    package static func hold(_ coordinates: [UInt8]) -> Bool {
        all.contains { curve in
            guard coordinates.count == 2 * curve.size, var builder = try? KeyBuilder("EC"),
                (try? builder.push("group", text: curve.name)) != nil,
                (try? builder.push("pub", octets: [4] + coordinates)) != nil,
                let key = try? builder.key(selection: martlet_selection_public())
            else { return false }
            return key.isPublicHalfValid()
        }
    }
}
