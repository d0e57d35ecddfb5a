internal import CHiredis

/// What the reader of hiredis calls for each part of a reply, in both layouts of the library. The functions only pass
/// the part to the ``ReplyBuilder``; the library itself never allocates a reply.
///
/// `@unchecked Sendable` is safe because the tables are never modified or freed.
@safe struct ReaderFunctions: @unchecked Sendable {
    static let first = ReaderFunctions(firstLayout: ())
    static let second = ReaderFunctions(secondLayout: ())

    let table: UnsafeMutableRawPointer

    private init(firstLayout: Void) {
        let table = UnsafeMutablePointer<hiredis_functions_0>.allocate(capacity: 1)
        unsafe table.initialize(to: hiredis_functions_0())
        unsafe table.pointee.create_string = { task, text, count in
            guard let task = unsafe task else { return nil }
            return unsafe take(task.pointee.privdata, task.pointee.type, text, count)
        }
        unsafe table.pointee.create_array = { task, count in
            guard let task = unsafe task else { return nil }
            return unsafe mark(builder(task.pointee.privdata)?.begin(count: Int(count)))
        }
        unsafe table.pointee.create_integer = { task, value in
            guard let task = unsafe task else { return nil }
            return unsafe mark(builder(task.pointee.privdata)?.add(.integer(value)))
        }
        unsafe table.pointee.create_nil = { task in
            guard let task = unsafe task else { return nil }
            return unsafe mark(builder(task.pointee.privdata)?.add(.null))
        }
        unsafe table.pointee.free_object = { _ in }
        unsafe self.table = UnsafeMutableRawPointer(table)
    }

    private init(secondLayout: Void) {
        let table = UnsafeMutablePointer<hiredis_functions_1>.allocate(capacity: 1)
        unsafe table.initialize(to: hiredis_functions_1())
        unsafe table.pointee.create_string = { task, text, count in
            guard let task = unsafe task else { return nil }
            return unsafe take(task.pointee.privdata, task.pointee.type, text, count)
        }
        unsafe table.pointee.create_array = { task, count in
            guard let task = unsafe task else { return nil }
            return unsafe mark(builder(task.pointee.privdata)?.begin(count: count))
        }
        unsafe table.pointee.create_integer = { task, value in
            guard let task = unsafe task else { return nil }
            return unsafe mark(builder(task.pointee.privdata)?.add(.integer(value)))
        }
        unsafe table.pointee.create_nil = { task in
            guard let task = unsafe task else { return nil }
            return unsafe mark(builder(task.pointee.privdata)?.add(.null))
        }
        // RESP3 is never negotiated, so that these two types end the connection.
        unsafe table.pointee.create_double = { _, _, _, _ in nil }
        unsafe table.pointee.create_bool = { _, _ in nil }
        unsafe table.pointee.free_object = { _ in }
        unsafe self.table = UnsafeMutableRawPointer(table)
    }
}

/// The reader keeps its builder alive and outlives every call of these functions.
private func builder(_ context: UnsafeMutableRawPointer?) -> ReplyBuilder? {
    guard let context = unsafe context else { return nil }
    return unsafe Unmanaged<ReplyBuilder>.fromOpaque(context).takeUnretainedValue()
}

/// Returns what the library takes for an object; null, which it takes for a lack of memory, ends the reply.
private func mark(_ isTaken: Bool?) -> UnsafeMutableRawPointer? {
    isTaken == true ? unsafe UnsafeMutableRawPointer(bitPattern: 1) : nil
}

private func take(
    _ context: UnsafeMutableRawPointer?, _ type: Int32, _ text: UnsafeMutablePointer<CChar>?, _ count: Int
) -> UnsafeMutableRawPointer? {
    guard let builder = unsafe builder(context) else { return nil }
    guard (0...ReplyBuilder.stringByteCountMax).contains(count) else {
        builder.reject(stringByteCount: count)
        return nil
    }
    let bytes = unsafe Array(UnsafeRawBufferPointer(start: text, count: text == nil ? 0 : count))
    let reply: RedisReply =
        switch type {
        case Int32(HIREDIS_ERROR): .error(bytes)
        case Int32(HIREDIS_STATUS): .status(bytes)
        default: .string(bytes)
        }
    return unsafe mark(builder.add(reply))
}
