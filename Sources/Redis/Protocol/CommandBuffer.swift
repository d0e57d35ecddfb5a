internal import Encoding

/// Commands in the form in which they are sent: arrays of strings of RESP2.
struct CommandBuffer {
    private(set) var bytes: [UInt8] = []
    /// How many replies will come.
    private(set) var count = 0

    /// Begins a command; exactly `argumentCount` arguments must follow, the name included.
    mutating func begin(_ argumentCount: Int) {
        bytes.append(UInt8(ascii: "*"))
        bytes.append(decimal: Int64(argumentCount))
        endLine()
        count += 1
    }

    mutating func add(_ argument: some Collection<UInt8>) {
        bytes.append(UInt8(ascii: "$"))
        bytes.append(decimal: Int64(argument.count))
        endLine()
        bytes.append(contentsOf: argument)
        endLine()
    }

    mutating func add(_ argument: String) { add(argument.utf8) }

    mutating func command(_ arguments: String...) { command(arguments) }

    mutating func command(_ arguments: [String]) {
        begin(arguments.count)
        for argument in arguments { add(argument) }
    }

    /// Adds a command of another buffer.
    mutating func add(command: ArraySlice<UInt8>) {
        bytes.append(contentsOf: command)
        count += 1
    }

    /// Overwrites everything, because a password was part of it.
    mutating func erase() {
        for index in bytes.indices { bytes[index] = 0 }
        bytes.removeAll()
        count = 0
    }

    private mutating func endLine() {
        bytes.append(UInt8(ascii: "\r"))
        bytes.append(UInt8(ascii: "\n"))
    }
}
