extension ImportRows {
    /// Reads JSON Lines if the first character is `{`, and otherwise CSV.
    ///
    /// - Parameter progress: called with numbers of bytes that were read.
    /// - Throws: a refusal of the whole file, in its first line.
    static func read(_ bytes: [UInt8], progress: (Int) -> Void) throws(ImportRefusal) -> ImportRows {
        let text = TextBytes.withoutByteOrderMark(bytes)
        let isJSON = text.first { !" \t\r\n".utf8.contains($0) } == UInt8(ascii: "{")
        if isJSON { return JSONLines.rows(text, progress: progress) }
        return try CSVRows.rows(text, progress: progress)
    }
}
