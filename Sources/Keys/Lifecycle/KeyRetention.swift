/// How long keys verify after their last signature, in milliseconds.
package struct KeyRetention: Sendable {
    private let access: Int64
    private let refresh: Int64

    package init(access: Int64, refresh: Int64) {
        self.access = access
        self.refresh = refresh
    }

    package func keep(_ purpose: Key.Purpose) -> Int64 {
        switch purpose {
        case .access: access
        case .refresh: refresh
        }
    }
}
