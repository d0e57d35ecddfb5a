@testable import HTTPClient

/// What another server answers: read in one piece or in many, with the same outcome, and never more than was allowed.
enum AnswerFuzzer {
    private static let bodyByteCountMax = 512

    static func make() -> ([UInt8]) -> Void {
        { bytes in
            guard let first = bytes.first else { return }
            let octets = Array(bytes.dropFirst())
            let (whole, fault) = outcome(octets, pieces: max(1, octets.count))
            let (pieced, otherFault) = outcome(octets, pieces: 1 + Int(first % 32))
            demand(whole == pieced, "another answer in pieces")
            demand(fault == otherFault, "another fault in pieces")
            guard let whole else { return }
            demand(whole.body.count <= bodyByteCountMax, "the body is bounded")
            demand(200..<600 ~= whole.status, "interim answers are none")
            demand(Freshness.seconds(of: whole).map { 0...Freshness.maximum ~= $0 } ?? true, "freshness is bounded")
        }
    }

    /// What the reader makes of all octets, and of the end behind them.
    private static func outcome(_ octets: [UInt8], pieces: Int) -> (Answer?, ResponseError?) {
        var reader = ResponseReader(bodyByteCountMax: bodyByteCountMax)
        do throws(ResponseError) {
            var start = 0
            while start < octets.count {
                let end = min(start + pieces, octets.count)
                try reader.take(Array(octets[start..<end]))
                start = end
            }
            try reader.end()
        } catch {
            return (nil, error)
        }
        return (reader.answer, nil)
    }
}

/// URLs from a command line, metadata and redirects.
enum WebAddressFuzzer {
    static func make() -> ([UInt8]) -> Void {
        { bytes in
            let text = String(decoding: bytes, as: UTF8.self)
            if let address = try? WebAddress(text) { check(address) }
            let secure = try? WebAddress("https://issuer.example/keys").redirected(to: text)
            demand(secure?.isSecure ?? true, "nothing leads off TLS")
            let local = try? WebAddress("http://127.0.0.1:8080/keys").redirected(to: text)
            for address in [secure, local] { address.map(check) }
        }
    }

    private static func check(_ address: WebAddress) {
        demand(address.isSecure || address.isLoopback, "in the clear to this machine only")
        demand(address.target.hasPrefix("/"), "a target begins with a slash")
        demand(!address.text.utf8.contains { $0 <= 0x20 || $0 >= 0x7F }, "nothing that splits a request")
        demand((try? WebAddress(address.text)) == address, "its text is another address")
    }
}
