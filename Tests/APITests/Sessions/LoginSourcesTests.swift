import HTTP
import Testing

@testable import API

@Suite("All logins from one private address")
struct LoginSourcesTests {
    private let proxy = PeerAddress.ipv4(0x0a00_0001)
    private let guest = PeerAddress.ipv4(0xcb00_7101)

    private func finding(_ addresses: [PeerAddress], after milliseconds: Int64 = 60_000) -> LoginSources.Finding? {
        let sources = LoginSources()
        for (place, address) in addresses.enumerated() { sources.note(address, at: 1_000 + Int64(place)) }
        return sources.finding(at: 1_000 + milliseconds)
    }

    @Test func `are told of when the minute is over`() {
        let five = [PeerAddress](repeating: proxy, count: 5)
        #expect(finding(five) == .init(address: proxy, count: 5))
        #expect(finding(five, after: 59_999) == nil)
        #expect(finding([PeerAddress](repeating: .local, count: 9))?.address == .local)
    }

    @Test func `are no news when there are few, several addresses, or a public one`() {
        #expect(finding([PeerAddress](repeating: proxy, count: 4)) == nil)
        #expect(finding([PeerAddress](repeating: proxy, count: 9) + [guest]) == nil)
        #expect(finding([guest] + [PeerAddress](repeating: proxy, count: 9)) == nil)
        #expect(finding([PeerAddress](repeating: guest, count: 9)) == nil)
        #expect(finding([]) == nil)
    }

    @Test func `are told of once an hour, and each minute counts by itself`() {
        let sources = LoginSources()
        func minute(_ start: Int64, _ address: PeerAddress, _ count: Int) -> Int? {
            for _ in 0..<count { sources.note(address, at: start) }
            return sources.finding(at: start + 60_000)?.count
        }
        #expect(minute(0, guest, 6) == nil)
        #expect(minute(100_000, proxy, 5) == 5)
        #expect(minute(200_000, proxy, 5) == nil)
        #expect(minute(3_759_999 - 60_000, proxy, 5) == nil)
        #expect(minute(3_760_000, proxy, 7) == 7)
    }
}
