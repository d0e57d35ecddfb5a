package import Platform

/// A moment split into the fields of a date and time, in UTC and the Gregorian calendar.
struct CivilTime {
    let year: Int64
    /// 1...12.
    let month: Int64
    let day: Int64
    let hour: Int64
    let minute: Int64
    let second: Int64
    /// 0 is Sunday.
    let weekday: Int64

    /// - Parameter seconds: clamped to the years 1970 to 9999.
    init(secondsSince1970 seconds: UnixSeconds) {
        let bounded = min(max(seconds, 0), 253_402_300_799).count
        let days = bounded / 86_400
        let rest = bounded % 86_400
        hour = rest / 3_600
        minute = rest / 60 % 60
        second = rest % 60
        weekday = (days + 4) % 7
        // Years that begin in March put the leap day last; 146,097 days make 400 of them.
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    static func write(_ value: Int64, digits: Int, to output: inout [UInt8]) {
        var scale: Int64 = 1
        for _ in 1..<digits { scale *= 10 }
        while scale > 0 {
            output.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value / scale % 10))
            scale /= 10
        }
    }

    /// Appends two digits of a number below 100.
    @inline(__always)
    static func write(_ value: Int64, to output: inout OutputSpan<UInt8>) {
        output.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value / 10))
        output.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value % 10))
    }
}

/// Formats dates as IMF-fixdate, the form of the `Date` field (RFC 9110 §5.6.7).
package enum HTTPDate {
    package static func write(secondsSince1970 seconds: UnixSeconds, to output: inout [UInt8]) {
        let time = CivilTime(secondsSince1970: seconds)
        let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        output += Array("\(days[Int(time.weekday)]), ".utf8)
        CivilTime.write(time.day, digits: 2, to: &output)
        output += Array(" \(months[Int(time.month - 1)]) ".utf8)
        CivilTime.write(time.year, digits: 4, to: &output)
        output.append(UInt8(ascii: " "))
        CivilTime.write(time.hour, digits: 2, to: &output)
        output.append(UInt8(ascii: ":"))
        CivilTime.write(time.minute, digits: 2, to: &output)
        output.append(UInt8(ascii: ":"))
        CivilTime.write(time.second, digits: 2, to: &output)
        output += Array(" GMT".utf8)
    }
}

/// Formats times as `2026-11-21T03:00:00.123Z` (RFC 3339).
package enum ISO8601 {
    package static func write(milliseconds: UnixMilliseconds, to output: inout [UInt8]) {
        let bounded = max(milliseconds, 0)
        let time = CivilTime(secondsSince1970: bounded.seconds)
        let milliseconds = bounded.milliseconds(since: bounded.seconds.milliseconds)
        output.append(addingCapacity: 24) { text in
            CivilTime.write(time.year / 100, to: &text)
            CivilTime.write(time.year % 100, to: &text)
            text.append(UInt8(ascii: "-"))
            CivilTime.write(time.month, to: &text)
            text.append(UInt8(ascii: "-"))
            CivilTime.write(time.day, to: &text)
            text.append(UInt8(ascii: "T"))
            CivilTime.write(time.hour, to: &text)
            text.append(UInt8(ascii: ":"))
            CivilTime.write(time.minute, to: &text)
            text.append(UInt8(ascii: ":"))
            CivilTime.write(time.second, to: &text)
            text.append(UInt8(ascii: "."))
            text.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: milliseconds / 100))
            CivilTime.write(milliseconds % 100, to: &text)
            text.append(UInt8(ascii: "Z"))
        }
    }
}
