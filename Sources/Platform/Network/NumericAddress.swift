internal import Glibc

/// Parses numeric addresses in the spelling of inet_pton(3), which all resolvers read the same way.
package enum NumericAddress {
    package static func isV4(_ text: String) -> Bool {
        var address = in_addr()
        return unsafe inet_pton(AF_INET, text, &address) == 1
    }

    package static func isV6(_ text: String) -> Bool {
        var address = in6_addr()
        return unsafe inet_pton(AF_INET6, text, &address) == 1
    }
}
