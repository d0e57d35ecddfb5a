/// The current time as `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7), made anew once a second.
struct HTTPDate {
    private(set) var text: [UInt8] = []
    private var seconds: Int64?

    /// - Parameter seconds: since 1970-01-01T00:00:00Z; kept within the years 1970 to 9999.
    /// - Returns: whether the text has changed.
    mutating func setTime(_ seconds: Int64) -> Bool {
        guard seconds != self.seconds else { return false }
        self.seconds = seconds
        text.removeAll(keepingCapacity: true)
        let bounded = min(max(0, seconds), 253_402_300_799)
        let (days, rest) = (Int(bounded / 86_400), Int(bounded % 86_400))
        let date = Self.civil(days)
        text.append(Self.name("ThuFriSatSunMonTueWed", days % 7))
        text.append(", ")
        appendTwo(date.day)
        text.append(.space)
        text.append(Self.name("JanFebMarAprMayJunJulAugSepOctNovDec", date.month - 1))
        text.append(.space)
        appendTwo(date.year / 100)
        appendTwo(date.year % 100)
        text.append(.space)
        appendTwo(rest / 3_600)
        text.append(.colon)
        appendTwo(rest / 60 % 60)
        text.append(.colon)
        appendTwo(rest % 60)
        text.append(" GMT")
        return true
    }

    private mutating func appendTwo(_ number: Int) {
        text.append(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: number / 10))
        text.append(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: number % 10))
    }

    /// Day, month and year of a day counted from 1970-01-01, in the proleptic Gregorian calendar.
    ///
    /// Years are counted from March, so that the leap day is the last one of its year.
    private static func civil(_ days: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let (era, dayOfEra) = (shifted / 146_097, shifted % 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }

    private static func name(_ names: String, _ index: Int) -> [UInt8] {
        Array(names.utf8.dropFirst(index * 3).prefix(3))
    }
}

extension [UInt8] {
    fileprivate mutating func append(_ octets: [UInt8]) {
        append(contentsOf: octets)
    }
}
