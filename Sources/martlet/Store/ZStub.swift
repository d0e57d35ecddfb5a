import Store
struct RedisEngineSource: StoreEngineSource {
    var name: String { "" }
    var mayForget: Bool { true }
    init(_ c: StoreConnection) throws(StoreFault) {}
    func engine() throws(StoreFault) -> any StoreEngine { throw .closed }
    func tail() throws(StoreFault) -> any StoreTail { throw .closed }
}
struct PostgresEngineSource: StoreEngineSource {
    var name: String { "" }
    var mayForget: Bool { true }
    init(_ c: StoreConnection) throws(StoreFault) {}
    func engine() throws(StoreFault) -> any StoreEngine { throw .closed }
    func tail() throws(StoreFault) -> any StoreTail { throw .closed }
    static func schemaSQL(prefix: String, role: String?) throws(StoreFault) -> String { "" }
    func applySchema(role: String?, by: StoreDeadline) throws(StoreFault) {}
}
