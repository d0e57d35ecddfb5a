import Encoding

extension JSONWriter {
    /// Returns the output of `list --json`: an array with an object for each element, and a newline.
    ///
    /// - Parameter members: writes the members of the object.
    static func listing<Element>(_ elements: [Element], _ members: (Element, inout JSONWriter) -> Void) -> String {
        var writer = JSONWriter(isPretty: true)
        writer.beginArray()
        for element in elements {
            writer.beginObject()
            members(element, &writer)
            writer.endObject()
        }
        writer.endArray()
        return String(decoding: writer.bytes, as: UTF8.self) + "\n"
    }

    mutating func member(_ name: StaticString, _ text: String) {
        self.name(name)
        string(text)
    }

    /// Writes null for nil.
    mutating func member(_ name: StaticString, optional text: String?) {
        self.name(name)
        if let text { string(text) } else { null() }
    }

    mutating func member(_ name: StaticString, _ texts: [String]) {
        self.name(name)
        beginArray()
        for text in texts { string(text) }
        endArray()
    }

    mutating func member(_ name: StaticString, _ value: Bool) {
        self.name(name)
        bool(value)
    }

    mutating func member(_ name: StaticString, _ number: Int64) {
        self.name(name)
        integer(number)
    }

    /// Writes null for nil.
    mutating func member(_ name: StaticString, optional number: Int64?) {
        self.name(name)
        if let number { integer(number) } else { null() }
    }

    /// Writes a value that is already encoded as JSON.
    mutating func member(_ name: StaticString, raw json: [UInt8]) {
        self.name(name)
        raw(json)
    }
}

extension String {
    /// Returns the text padded with spaces at the end to `count` characters.
    func padded(to count: Int) -> String {
        self + String(repeating: " ", count: max(0, count - self.count))
    }
}
