/// Describes what a file contains where certificates or a private key in PEM were expected.
enum PEMDiagnosis {
    /// Call it right after the failure: it takes OpenSSL's error queue.
    static func certificates(_ text: [UInt8]) -> String {
        reason(text, convert: "x509") { $0.isCertificate }
    }

    static func privateKey(_ text: [UInt8]) -> String {
        reason(text, convert: "pkey") { $0.label.hasSuffix("PRIVATE KEY") }
    }

    private static func reason(_ text: [UInt8], convert: String, _ isWanted: (PEM.Block) -> Bool) -> String {
        let drained = CryptoError.drainedReason()
        guard let first = text.first else { return "the file is empty" }
        guard String(decoding: text, as: UTF8.self).contains("-----BEGIN ") else {
            // A DER structure begins with the tag of a sequence.
            return first == 0x30
                ? "it is DER. Convert it: openssl \(convert) -inform DER -in FILE -out FILE.pem" : "it is not PEM"
        }
        let blocks: [PEM.Block]
        do throws(CryptoError) { blocks = try PEM.blocks(text) } catch { return "a PEM part of it is damaged" }
        if let wanted = blocks.first(where: isWanted) {
            return wanted.isEncrypted
                ? "it is encrypted with a passphrase. Decrypt it: openssl pkey -in FILE -out FILE.pem" : drained
        }
        // A label is the file's own text and is not repeated.
        if blocks.contains(where: \.isCertificate) { return "it contains a certificate" }
        return blocks.contains { $0.label.hasSuffix("PRIVATE KEY") }
            ? "it contains a private key" : "it contains other data"
    }
}
