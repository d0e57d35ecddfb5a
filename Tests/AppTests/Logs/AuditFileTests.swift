import Accounts
@testable import App
import Foundation
import Platform
import Testing

@Suite("The file of what operators did")
struct AuditFileTests {
    let scratch: Scratch
    let audit: AuditFile

    init() throws {
        scratch = try Scratch()
        audit = AuditFile(directory: scratch["state"])
    }

    @Test func `lines follow each other, also after half a line`() throws {
        try audit.append(Array("one".utf8))
        try Data("one\nhal".utf8).write(to: URL(fileURLWithPath: audit.path))
        try audit.append(Array("two".utf8))
        #expect(try String(contentsOfFile: audit.path, encoding: .utf8) == "one\nhal\ntwo\n")
    }

    @Test func `a file with another name is neither written nor given away`() throws {
        try FileManager.default.createDirectory(atPath: scratch["state"], withIntermediateDirectories: false)
        try scratch.write("mine", to: "other")
        try #require(link(scratch["other"], audit.path) == 0)
        if geteuid() == 0 { try #require(chown(scratch["state"], 65_533, 65_534) == 0) }
        #expect(throws: FileError.system(call: "open", path: audit.path, code: EMLINK)) {
            try audit.append(Array("one".utf8))
        }
        #expect(try String(contentsOfFile: scratch["other"], encoding: .utf8) == "mine")
        let attributes = try FileManager.default.attributesOfItem(atPath: scratch["other"])
        #expect(attributes[.ownerAccountID] as? UInt32 == geteuid())
    }

    @Test(.enabled(if: geteuid() == 0, "only root gives files away"))
    func `what root begins belongs to the owner of the directory`() throws {
        try #require(chown(scratch.path, 65_533, 65_534) == 0)
        try audit.append(Array("one".utf8))
        for path in [scratch["state"], audit.path] {
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            #expect(attributes[.ownerAccountID] as? UInt32 == 65_533)
            #expect(attributes[.groupOwnerAccountID] as? UInt32 == 65_534)
        }
    }
}
