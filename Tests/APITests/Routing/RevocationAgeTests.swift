@testable import API
import Testing

@Suite("The field Revocation-Age")
struct RevocationAgeTests {
    @Test(arguments: [
        (Int64(0), "0.000"), (4, "0.004"), (53, "0.053"), (999, "0.999"), (1_000, "1.000"), (61_050, "61.050"),
        (-5, "0.000"), (.max, "9223372036854775.807"),
    ])
    func `an age is written in seconds with three decimals`(_ milliseconds: Int64, _ text: String) {
        var bytes = Array("age ".utf8)
        RevocationAge.write(milliseconds, to: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == "age \(text)")
    }
}
