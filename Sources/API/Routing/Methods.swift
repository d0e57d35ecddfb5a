package import HTTP

/// The methods that an endpoint accepts. Copying it is as cheap as copying a number.
package struct Methods: Sendable, ExpressibleByArrayLiteral {
    private let bits: UInt16

    package init(arrayLiteral methods: Method...) {
        bits = methods.reduce(0) { $0 | Self.bit($1) }
    }

    private init(bits: UInt16) { self.bits = bits }

    /// Every method but TRACE and CONNECT, unknown ones and OPTIONS included.
    package static let every = Methods(bits: ~(bit(.trace) | bit(.connect)))

    func subtracting(_ others: Methods) -> Methods { Methods(bits: bits & ~others.bits) }

    var isEvery: Bool { contains(.other) }

    @inline(__always)
    func contains(_ method: Method) -> Bool { bits & Self.bit(method) != 0 }

    /// In the order of `Allow`; without OPTIONS and unknown methods.
    var named: [Method] {
        [Method.get, .head, .post, .put, .patch, .delete].filter(contains)
    }

    @inline(__always)
    private static func bit(_ method: Method) -> UInt16 {
        switch method {
        case .get: 1
        case .head: 2
        case .post: 4
        case .put: 8
        case .delete: 16
        case .options: 32
        case .patch: 64
        case .trace: 128
        case .connect: 256
        case .other: 512
        }
    }
}
