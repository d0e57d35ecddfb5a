import Glibc

// What libFuzzer's own main function calls (LibFuzzer, "Fuzz Target"). Which fuzzer it is says MARTLET_TEST_FUZZER.

/// libFuzzer has one thread.
private nonisolated(unsafe) var run: ([UInt8]) -> Void = { _ in }

@_cdecl("LLVMFuzzerInitialize")
public func initialize(_: UnsafeMutablePointer<CInt>?, _: UnsafeMutableRawPointer?) -> CInt {
    let name = getenv("MARTLET_TEST_FUZZER").map { String(cString: $0) } ?? ""
    if name == "list" {
        for fuzzer in Fuzzer.all { print(fuzzer.name, fuzzer.byteCountMax) }
        exit(0)
    }
    guard let fuzzer = Fuzzer.named(name) else {
        print("MARTLET_TEST_FUZZER: list, or one of \(Fuzzer.all.map(\.name).joined(separator: " "))")
        exit(2)
    }
    // Shows that a fault would be found: make fuzz PLANT=1 must end in a crash.
    let isPlanted = getenv("MARTLET_TEST_FUZZ_PLANT") != nil
    let entry = fuzzer.make()
    run = { bytes in
        entry(bytes)
        if isPlanted, bytes.count > 3, bytes[0] == 0x54, bytes[1] == 0x72, bytes[2] == 0x61, bytes[3] == 0x70 {
            demand(false, "the planted promise")
        }
    }
    return 0
}

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ octets: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    run(Array(UnsafeBufferPointer(start: octets, count: count)))
    return 0
}
