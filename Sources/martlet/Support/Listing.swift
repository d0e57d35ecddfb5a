import Encoding

extension JSONWriter {
    mutating func strings(_ texts: [String]) {
        beginArray()
        for text in texts { string(text) }
        endArray()
    }

    mutating func optional(_ text: String?) {
        if let text { string(text) } else { null() }
    }
}

extension String {
    /// Returns the text padded with spaces at the end to `count` characters.
    func padded(to count: Int) -> String {
        self + String(repeating: " ", count: max(0, count - self.count))
    }
}
