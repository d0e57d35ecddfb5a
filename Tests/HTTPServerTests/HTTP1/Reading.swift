import HTTP
@testable import HTTPServer

/// A message as the reader understood it, with nothing left that points into octets.
struct Understood: Equatable {
    var method: Method
    var path: String
    var query: String
    var fields: [[String]]
    var body: [UInt8]

    init(_ request: borrowing Request) {
        method = request.method
        path = request.text(request.path)
        query = request.text(request.query)
        var fields: [[String]] = []
        for field in request.fields { fields.append([request.text(field.name), request.text(field.value)]) }
        self.fields = fields
        body = Array(request.bytes[request.body])
    }
}

/// What became of the octets of a connection.
struct Reading: Equatable {
    var messages: [Understood] = []
    var fault: RequestError?

    init() {}

    /// Reads all of `bytes`, handed over in pieces that end at `cuts`.
    ///
    /// As in a loop, the octets of an unfinished message may lie somewhere else at each call, and the request that is
    /// filled in has served others in between.
    init(_ bytes: [UInt8], cuts: [Int] = [], limits: Limits = Limits()) {
        var request = Request(byteCount: bytes.count + 64)
        var reader = HTTP1Reader(limits: limits)
        var start = 0
        for (round, end) in (cuts + [bytes.count]).enumerated() {
            while start < end {
                let offset = round % 7
                for index in start..<end { request.bytes[offset + index - start] = bytes[index] }
                switch reader.read(&request, from: offset, to: offset + end - start) {
                case .complete(let consumed):
                    messages.append(Understood(request))
                    start += consumed
                    reader.reset()
                    continue
                case .needsMore: break
                case .fault(let fault):
                    self.fault = fault
                    return
                }
                request.fields = [Request.Field(name: 0..<1, value: 0..<1)]
                (request.path, request.query, request.method) = (0..<0, 0..<0, .trace)
                break
            }
        }
    }

    init(_ text: String, limits: Limits = Limits()) {
        self.init(Array(text.utf8), limits: limits)
    }
}

/// The same numbers every time (Steele, Lea and Flood's SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
