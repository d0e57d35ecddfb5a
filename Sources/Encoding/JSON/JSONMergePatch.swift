/// Applies a JSON Merge Patch (RFC 7396) to text: numbers and strings stay as they were written, and members keep their
/// order.
///
/// It recurses as deep as the limits of the documents allow.
package struct JSONMergePatch {
    private let target: JSONDocument
    private let targetBytes: [UInt8]
    private let patch: JSONDocument
    private let patchBytes: [UInt8]
    private var output: [UInt8] = []

    /// Returns the target with the changes of the patch, without blanks. It is never longer than both together.
    ///
    /// - Parameters:
    ///   - patch: a parsed document, whose root is an object.
    ///   - target: the same; a root that is not an object is replaced, as the RFC says.
    package static func apply(
        _ patch: JSONDocument, _ patchBytes: [UInt8], to target: JSONDocument, _ targetBytes: [UInt8]
    ) -> [UInt8] {
        var merge = JSONMergePatch(target: target, targetBytes: targetBytes, patch: patch, patchBytes: patchBytes)
        merge.write(patch: 0, over: 0)
        return merge.output
    }

    private init(target: JSONDocument, targetBytes: [UInt8], patch: JSONDocument, patchBytes: [UInt8]) {
        self.target = target
        self.targetBytes = targetBytes
        self.patch = patch
        self.patchBytes = patchBytes
        output.reserveCapacity(targetBytes.count + patchBytes.count)
    }

    /// Writes what a value of the patch makes of a value of the target.
    ///
    /// - Parameter node: nil where the target has no such member.
    private mutating func write(patch change: JSONDocument.Node, over node: JSONDocument.Node?) {
        guard patch.kind(change) == .object else { return append(patch.raw(change, in: patchBytes.span)) }
        let changes = patch.members(change)
        var places = [UInt64: Int](minimumCapacity: changes.count)
        for (place, member) in changes.enumerated() { places[patch.nameFingerprint(member.name)] = place }
        var isUsed = [Bool](repeating: false, count: changes.count)
        var isFirst = true
        output.append(UInt8(ascii: "{"))
        for member in node.map({ target.members($0) }) ?? [] {
            let found = place(of: member.name, in: changes, places)
            if let found { isUsed[found] = true }
            let change = found.map { changes[$0].value }
            if let change, patch.kind(change) == .null { continue }
            begin(target.raw(member.name, in: targetBytes.span), &isFirst)
            if let change {
                write(patch: change, over: target.kind(member.value) == .object ? member.value : nil)
            } else {
                append(target.raw(member.value, in: targetBytes.span))
            }
        }
        for (place, member) in changes.enumerated() where !isUsed[place] && patch.kind(member.value) != .null {
            begin(patch.raw(member.name, in: patchBytes.span), &isFirst)
            write(patch: member.value, over: nil)
        }
        output.append(UInt8(ascii: "}"))
    }

    /// The place of the change to a member of the target, however the names are escaped.
    private func place(
        of name: JSONDocument.Node, in changes: [(name: JSONDocument.Node, value: JSONDocument.Node)],
        _ places: [UInt64: Int]
    ) -> Int? {
        guard let place = places[target.nameFingerprint(name)] else { return nil }
        let wanted = target.bytes(name, in: targetBytes.span)
        if patch.bytes(changes[place].name, in: patchBytes.span) == wanted { return place }
        // Two names with one fingerprint.
        return changes.firstIndex { patch.bytes($0.name, in: patchBytes.span) == wanted }
    }

    private mutating func begin(_ name: [UInt8], _ isFirst: inout Bool) {
        if !isFirst { output.append(UInt8(ascii: ",")) }
        isFirst = false
        output.append(contentsOf: name)
        output.append(UInt8(ascii: ":"))
    }

    /// Appends valid JSON without the blanks between its values.
    private mutating func append(_ json: [UInt8]) {
        var isInString = false
        var isEscaped = false
        for byte in json {
            if isInString {
                output.append(byte)
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isInString = false
                }
                continue
            }
            switch byte {
            case 0x20, 0x09, 0x0a, 0x0d: continue
            case UInt8(ascii: "\""): isInString = true
            default: break
            }
            output.append(byte)
        }
    }
}
