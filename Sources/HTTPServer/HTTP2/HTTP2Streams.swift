/// The streams of a connection in ascending order of their identifiers (RFC 9113 §5.1.1).
///
/// A client always uses ascending identifiers, so a new stream is appended and a lookup is a binary search.
struct HTTP2Streams {
    private var ids: [Int32] = []
    private(set) var values: [HTTP2Stream] = []

    var isEmpty: Bool { ids.isEmpty }

    /// The stream with this identifier. The setter accepts only an identifier that is not present.
    subscript(id: Int32) -> HTTP2Stream? {
        get {
            let place = place(of: id)
            return place < ids.count && ids[place] == id ? values[place] : nil
        }
        set {
            guard let newValue else { return }
            let place = place(of: id)
            ids.insert(id, at: place)
            values.insert(newValue, at: place)
        }
    }

    mutating func removeValue(forKey id: Int32) -> HTTP2Stream? {
        let place = place(of: id)
        guard place < ids.count, ids[place] == id else { return nil }
        ids.remove(at: place)
        return values.remove(at: place)
    }

    /// Returns the position of `id`, or the position where it would be inserted.
    private func place(of id: Int32) -> Int {
        var (low, high) = (0, ids.count)
        if let last = ids.last, last < id { return high }
        while low < high {
            let middle = (low &+ high) &>> 1
            if ids[middle] < id { low = middle &+ 1 } else { high = middle }
        }
        return low
    }
}
