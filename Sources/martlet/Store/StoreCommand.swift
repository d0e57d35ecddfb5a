import App
import Revocation
import Store

/// Implements `martlet store`: prepares, examines, fills and empties the engine that several servers share.
enum StoreCommand {
    static let usage = """
        usage: martlet store schema [--role ROLE]
               martlet store init [--role ROLE]
               martlet store status [--json]
               martlet store check
               martlet store import --from DIR
               martlet store export --to DIR

        Prepares and examines the store that several servers share (MARTLET_STORE).

          schema   print the SQL that PostgreSQL needs; with --role, it grants ROLE what the service needs
          init     apply that SQL, as the user in the address, who must be allowed to create a schema
          status   show the servers that use the store: position, age, clock, keys and settings
          check    connect, compare the store's settings with what is promised, and measure the round trip, durable
                   writes per second and the clock; it records some hundred entries that mean nothing
          import   move the journal in DIR into the store; no server may use DIR, and none can continue it afterward
          export   write a journal to DIR, which must be new or empty, from the store; stop all servers first

        Each takes the settings of the service from the environment, or as options:

          --store ADDRESS  --store-password-file FILE  --store-ca FILE  --store-prefix NAME  --store-timeout TIME
          --store-replicas N  --store-durability strict|trusted|relaxed

        After an import, start each server with MARTLET_STORE and a new directory as MARTLET_STATE, which gets a copy.
        After an export, start one server with DIR as MARTLET_STATE and without MARTLET_STORE.

        Exit code: 0 done, or all is well; 1 a difference between servers, a promise that is not kept, or a failure;
        2 error in the command line or a setting; 75 the store does not answer: try again later.

        """

    static func run(_ arguments: [String]) -> Int32 {
        let rest = Array(arguments.dropFirst())
        var isWell = true
        let verb = arguments.first ?? ""
        let code: Int32
        switch verb {
        case "schema": code = run(verb) { () throws(CommandError) in try StoreSchema.print(rest) }
        case "init": code = run(verb) { () throws(CommandError) in try StoreSchema.apply(rest) }
        case "status": code = run(verb) { () throws(CommandError) in isWell = try StoreListing.run(rest) }
        case "check": code = run(verb) { () throws(CommandError) in isWell = try StoreCheck.run(rest) }
        case "import": code = run(verb) { () throws(CommandError) in try StoreTransfer.importJournal(rest) }
        case "export": code = run(verb) { () throws(CommandError) in try StoreTransfer.exportJournal(rest) }
        default: return Verb.refuse("store", arguments.first, usage: usage)
        }
        return code == ExitCode.ok && !isWell ? ExitCode.failed : code
    }

    private static func run(_ verb: String, _ body: () throws(CommandError) -> Void) -> Int32 {
        Verb.run("store \(verb)", usage: usage, body)
    }
}

extension CommandError {
    init(_ fault: StoreFault) { self = fault.mayPass ? .unavailable(fault.sentence) : .refused(fault.sentence) }
}
