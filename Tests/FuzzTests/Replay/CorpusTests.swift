import Foundation
import TestForm
import Testing

extension Fuzzer: CustomTestStringConvertible {
    var testDescription: String { name }

    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()

    /// The octets of every file in the fuzzer's folder, in the order of their names.
    func corpus() throws -> [[UInt8]] {
        let folder = Self.folder.appending(path: "corpus/\(name)")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        return try names.map { Array(try Data(contentsOf: folder.appending(path: $0))) }
    }

    static func corpusNames() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.appending(path: "corpus").path).sorted()
    }
}

/// The quick form of `make fuzz`: the entry functions of the fuzzers, without libFuzzer. A broken promise or a trap ends
/// the test process, as it would end the fuzzer.
@Suite("Fuzzers, replayed")
struct CorpusTests {
    @Test func `every fuzzer has a corpus, and every corpus a fuzzer`() throws {
        #expect(try Fuzzer.corpusNames() == Fuzzer.all.map(\.name).sorted())
    }

    private static let roundCount = TestForm.pick(quick: 500, normal: 10_000, full: 500_000)

    @Test(arguments: Fuzzer.all)
    func `the corpus and what is near it breaks nothing`(_ fuzzer: Fuzzer) throws {
        let corpus = try fuzzer.corpus()
        #expect(corpus.count >= 3)
        let run = fuzzer.make()
        for seed in corpus { run(seed) }
        var mutator = Mutator(seed: 0x6d61_7274)
        for round in 0..<Self.roundCount {
            run(mutator.mutated(corpus[round % corpus.count], among: corpus, byteCountMax: fuzzer.byteCountMax))
        }
    }
}

/// Changes octets as libFuzzer does, but the same way each time (SplitMix64).
struct Mutator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    mutating func mutated(_ seed: [UInt8], among corpus: [[UInt8]], byteCountMax: Int) -> [UInt8] {
        var bytes = seed
        for _ in 0...Int.random(in: 0..<4, using: &self) { mutate(&bytes, corpus) }
        return Array(bytes.prefix(byteCountMax))
    }

    private mutating func mutate(_ bytes: inout [UInt8], _ corpus: [[UInt8]]) {
        let place = Int.random(in: 0...bytes.count, using: &self)
        let end = Int.random(in: place...min(bytes.count, place + 16), using: &self)
        switch next() % 7 {
        case 0 where place < bytes.count: bytes[place] = UInt8.random(in: .min ... .max, using: &self)
        case 1 where place < bytes.count: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &self)
        case 2: bytes.removeSubrange(place..<end)
        case 3: bytes.insert(contentsOf: Array(bytes[place..<end]), at: Int.random(in: 0...bytes.count, using: &self))
        case 4: bytes.removeSubrange(place...)
        case 5:
            guard let other = corpus.randomElement(using: &self), !other.isEmpty else { return }
            let from = Int.random(in: 0..<other.count, using: &self)
            bytes.replaceSubrange(place..<end, with: other[from..<min(other.count, from + 64)])
        default: bytes.insert(UInt8.random(in: .min ... .max, using: &self), at: place)
        }
    }
}
