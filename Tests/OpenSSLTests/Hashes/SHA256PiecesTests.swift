import OpenSSL
import Testing

@Suite("SHA-256 of pieces")
struct SHA256PiecesTests {
    @Test(arguments: [0, 1, 63, 64, 65, 1_000])
    func `is that of the whole`(_ pieceByteCount: Int) {
        let content = (0..<3_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let hash = SHA256Pieces()
        var offset = 0
        while pieceByteCount > 0, offset < content.count {
            let end = min(content.count, offset + pieceByteCount)
            hash.add(content.span.extracting(offset..<end))
            offset = end
        }
        let whole = pieceByteCount == 0 ? [] : content
        #expect(hash.finish() == SHA256.digest(whole.span))
    }
}
