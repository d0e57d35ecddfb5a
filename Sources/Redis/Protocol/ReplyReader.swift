internal import CHiredis
internal import Store

/// Reads the replies of one connection: redisReader of hiredis, with our bounds.
///
/// The library itself accepts every length up to 2^63 and waits for the bytes. So the announced length of a string is
/// checked when its first line has arrived, and that of an array before anything is allocated for it.
@safe final class ReplyReader {
    /// Bytes of one reply.
    static let byteCountMax = 16 << 20

    private let library: HiredisLibrary
    private let raw: UnsafeMutableRawPointer
    private let builder = ReplyBuilder()
    /// Bytes since the last complete reply.
    private var pendingByteCount = 0

    /// - Parameter library: nil for the one that the process uses.
    init(_ library: HiredisLibrary? = nil) throws(StoreFault) {
        let library = if let library { library } else { try HiredisLibrary.load() }
        self.library = library
        let functions = library.isFirstLayout ? ReaderFunctions.first : .second
        guard let raw = unsafe library.create(functions.table) else {
            throw .unreachable(reason: "there is no memory for a connection")
        }
        unsafe self.raw = raw
        let context = unsafe Unmanaged.passUnretained(builder).toOpaque()
        if library.isFirstLayout {
            unsafe raw.assumingMemoryBound(to: hiredis_reader_0.self).pointee.privdata = context
        } else {
            unsafe raw.assumingMemoryBound(to: hiredis_reader_1.self).pointee.privdata = context
        }
    }

    deinit { unsafe library.free(raw) }

    /// Adds the first `count` bytes of what was received.
    func feed(_ bytes: [UInt8], count: Int) throws(StoreFault) {
        let count = min(count, bytes.count)
        pendingByteCount += count
        guard pendingByteCount <= Self.byteCountMax else {
            throw .malformed(reason: "a reply is longer than \(Self.byteCountMax) bytes")
        }
        let status = unsafe bytes.withUnsafeBytes { buffer in
            unsafe library.feed(raw, buffer.baseAddress?.assumingMemoryBound(to: CChar.self), count)
        }
        guard status == 0 else { throw fault() }
    }

    /// Returns the next reply, or nil if it is not complete.
    func next() throws(StoreFault) -> RedisReply? {
        var object: UnsafeMutableRawPointer?
        let status = unsafe library.next(raw, &object)
        guard status == 0 else { throw fault() }
        guard unsafe object != nil else {
            try checkAnnouncedLength()
            return nil
        }
        guard let reply = builder.take() else { throw .malformed(reason: "a reply without content") }
        pendingByteCount = unsafe rest.count
        return reply
    }

    /// Whether there are bytes that belong to no reply so far.
    var hasRest: Bool { unsafe !rest.isEmpty }

    /// The bytes that the library has not read; what is read already may be among it until the next reply.
    private var rest: UnsafeRawBufferPointer {
        let head = unsafe raw.assumingMemoryBound(to: hiredis_reader_head.self).pointee
        guard let start = unsafe head.buf, unsafe head.pos <= head.len else {
            return unsafe UnsafeRawBufferPointer(start: nil, count: 0)
        }
        return unsafe UnsafeRawBufferPointer(start: start + head.pos, count: head.len - head.pos)
    }

    /// Checks the length of the string that is not complete. The library has read its type and waits for the rest.
    private func checkAnnouncedLength() throws(StoreFault) {
        guard unsafe hiredis_pending_type(raw, library.isFirstLayout ? 1 : 0) == HIREDIS_STRING else {
            // Every other type is one line, of which errors are the longest.
            guard unsafe rest.count <= 65_536 else { throw .malformed(reason: "a line of more than 65536 bytes") }
            return
        }
        let line = unsafe rest.prefix(24)
        guard let end = unsafe line.firstIndex(of: UInt8(ascii: "\r")) else {
            guard unsafe line.count < 24 else { throw .malformed(reason: "a string whose length is no number") }
            return
        }
        let digits = unsafe Array(line[line.startIndex..<end])
        // A string that is absent.
        if digits.elementsEqual("-1".utf8) { return }
        guard let count = RedisReply.decimal(digits[...]), count <= Int64(ReplyBuilder.stringByteCountMax) else {
            throw .malformed(
                reason: "a string is announced that is longer than \(ReplyBuilder.stringByteCountMax) bytes")
        }
    }

    private func fault() -> StoreFault {
        if let excess = builder.excess { return .malformed(reason: "\(excess) is more than any reply has") }
        let text = unsafe withUnsafeBytes(
            of: raw.assumingMemoryBound(to: hiredis_reader_head.self).pointee.errstr
        ) { unsafe Array($0.prefix { $0 != 0 }) }
        // The library quotes a byte of the reply, but never more.
        let shown = text.map { (0x20..<0x7f).contains($0) ? $0 : UInt8(ascii: "?") }
        return .malformed(reason: "hiredis cannot read a reply: \(String(decoding: shown, as: UTF8.self))")
    }
}
