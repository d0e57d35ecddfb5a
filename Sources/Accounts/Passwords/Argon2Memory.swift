import Glibc

/// The memory in which one worker thread hashes, kept between hashes to avoid page faults.
///
/// libargon2's allocation callbacks have no context, so the memory is found through the thread. A thread without one (a
/// command, a test) maps and unmaps memory for each hash. It never comes from `malloc`, which would keep freed blocks
/// of this size.
@safe final class Argon2Memory {
    private static let threadKey: pthread_key_t? = {
        var key = pthread_key_t()
        return unsafe pthread_key_create(&key, nil) == 0 ? key : nil
    }()

    private var block: UnsafeMutableRawPointer?
    private var byteCount = 0

    /// The number of bytes mapped now.
    var heldByteCount: Int { byteCount }

    init() {}

    deinit { release() }

    /// Makes this the calling thread's memory while `body` runs.
    func use(during body: () -> Void) {
        guard let key = Self.threadKey else { return body() }
        // Unretained is enough: the thread's reference is cleared before `self` can be released.
        unsafe pthread_setspecific(key, Unmanaged.passUnretained(self).toOpaque())
        body()
        pthread_setspecific(key, nil)
    }

    /// The calling thread's memory, if it has one.
    static var current: Argon2Memory? {
        guard let key = threadKey, let stored = unsafe pthread_getspecific(key) else { return nil }
        return unsafe Unmanaged<Argon2Memory>.fromOpaque(stored).takeUnretainedValue()
    }

    /// Unmaps the memory.
    func release() {
        guard let held = unsafe block else { return }
        unsafe Self.unmap(held, byteCount: byteCount)
        unsafe block = nil
        byteCount = 0
    }

    /// Returns at least `wanted` bytes, zeroed or left over from the last hash (libargon2 clears them before it frees
    /// them).
    func acquire(_ wanted: Int) -> UnsafeMutableRawPointer? {
        if let held = unsafe block, byteCount >= wanted { return unsafe held }
        release()
        guard let mapped = unsafe Self.map(byteCount: wanted) else { return nil }
        unsafe block = mapped
        byteCount = wanted
        return unsafe mapped
    }

    static func map(byteCount: Int) -> UnsafeMutableRawPointer? {
        let mapped = unsafe mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        // MAP_FAILED is (void *)-1, a macro that Swift does not import.
        guard let mapped = unsafe mapped, unsafe mapped != UnsafeMutableRawPointer(bitPattern: -1) else { return nil }
        // Argon2 reads memory in random order: with huge pages, if available, a hash takes a tenth less time.
        _ = unsafe madvise(mapped, byteCount, MADV_HUGEPAGE)
        return unsafe mapped
    }

    static func unmap(_ block: UnsafeMutableRawPointer, byteCount: Int) {
        _ = unsafe munmap(block, byteCount)
    }
}

/// The `allocate_fptr` of libargon2: returns 0 and a block, or another value if memory runs out.
func argon2Allocate(_ memory: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?, _ byteCount: Int) -> Int32 {
    let block =
        if let own = Argon2Memory.current { unsafe own.acquire(byteCount) } else {
            unsafe Argon2Memory.map(byteCount: byteCount)
        }
    guard let block = unsafe block, let memory = unsafe memory else { return -1 }
    unsafe memory.pointee = unsafe block.assumingMemoryBound(to: UInt8.self)
    return 0
}

/// The `deallocate_fptr` of libargon2; called by the thread that allocated.
func argon2Free(_ memory: UnsafeMutablePointer<UInt8>?, _ byteCount: Int) {
    guard let memory = unsafe memory, Argon2Memory.current == nil else { return }
    unsafe Argon2Memory.unmap(memory, byteCount: byteCount)
}
