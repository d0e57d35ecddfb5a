/// Elements in the order of their ranks, and of their arrival within one rank.
///
/// Adding, counting what goes before, and removing the first, the last or a certain element take logarithmic time: the
/// elements are the nodes of a treap, a search tree whose shape comes from random numbers and not from the order of
/// arrival.
struct RankedQueue<Element: Sendable>: Sendable {
    /// An element's place in the order; no two elements have the same.
    struct Key: Comparable, Sendable {
        let rank: Int64
        /// The number of the arrival.
        let number: UInt64

        static func < (left: Key, right: Key) -> Bool {
            (left.rank, left.number) < (right.rank, right.number)
        }
    }

    private struct Node: Sendable {
        let key: Key
        let element: Element
        /// No node has a higher priority than its parent.
        let priority: UInt64
        var left = none
        var right = none
        /// Nodes of the subtree.
        var count = 1
    }

    private static var none: Int { -1 }

    private var nodes: [Node?] = []
    private var free: [Int] = []
    private var root = none

    var count: Int { count(root) }
    /// The key of the element that goes first.
    var first: Key? { end { $0.left } }
    /// The key of the element that goes last.
    var last: Key? { end { $0.right } }

    mutating func insert(_ element: Element, _ key: Key) {
        let node = Node(key: key, element: element, priority: UInt64.random(in: 0...UInt64.max))
        let index: Int
        if let unused = free.popLast() {
            index = unused
            nodes[index] = node
        } else {
            index = nodes.count
            nodes.append(node)
        }
        let (before, after) = split(root, before: key)
        root = merge(merge(before, index), after)
    }

    /// Returns how many elements go before `key`, which need not be present.
    func countBefore(_ key: Key) -> Int {
        var (index, before) = (root, 0)
        while let node = node(index) {
            if node.key < key {
                before += count(node.left) + 1
                index = node.right
            } else {
                index = node.left
            }
        }
        return before
    }

    func contains(_ key: Key) -> Bool {
        var index = root
        while let node = node(index), node.key != key { index = key < node.key ? node.left : node.right }
        return index != Self.none
    }

    /// - Returns: nil if there is no such element.
    mutating func remove(_ key: Key) -> Element? {
        let (before, rest) = split(root, before: key)
        let (found, after) = split(rest, before: Key(rank: key.rank, number: key.number &+ 1))
        root = merge(before, after)
        guard let node = node(found) else { return nil }
        nodes[found] = nil
        free.append(found)
        return node.element
    }

    private func node(_ index: Int) -> Node? { index == Self.none ? nil : nodes[index] }

    private func count(_ index: Int) -> Int { node(index)?.count ?? 0 }

    private func end(_ next: (Node) -> Int) -> Key? {
        guard var node = node(root) else { return nil }
        while let further = self.node(next(node)) { node = further }
        return node.key
    }

    /// Divides a subtree into the nodes before `key` and all others.
    private mutating func split(_ index: Int, before key: Key) -> (before: Int, after: Int) {
        guard var node = node(index) else { return (Self.none, Self.none) }
        let halves: (before: Int, after: Int)
        if node.key < key {
            let (before, after) = split(node.right, before: key)
            node.right = before
            halves = (index, after)
        } else {
            let (before, after) = split(node.left, before: key)
            node.left = after
            halves = (before, index)
        }
        store(node, index)
        return halves
    }

    /// Joins two subtrees; every node of `before` goes before every node of `after`.
    private mutating func merge(_ before: Int, _ after: Int) -> Int {
        guard var left = node(before) else { return after }
        guard var right = node(after) else { return before }
        if left.priority > right.priority {
            left.right = merge(left.right, after)
            store(left, before)
            return before
        }
        right.left = merge(before, right.left)
        store(right, after)
        return after
    }

    private mutating func store(_ node: Node, _ index: Int) {
        var node = node
        node.count = count(node.left) + count(node.right) + 1
        nodes[index] = node
    }
}
