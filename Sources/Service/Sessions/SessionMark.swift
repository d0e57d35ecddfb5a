package import Encoding
import Platform
import Tokens

/// What a browser's session cookie says: which session its tokens belong to, and whether they outlive the browser.
///
/// The proof shows that this server wrote it. Without the proof, a client that has learned the identifier of a session
/// could end it.
package struct SessionMark: Equatable, Sendable {
    package let sid: UUID
    /// Whether the cookies outlive the browser.
    package let isKept: Bool
    let proof: UUID

    /// Reads `SID.FLAG.PROOF`, where the flag is 0 or 1.
    package init?(_ text: Span<UInt8>) {
        let count = UUID.textByteCount
        let dot = UInt8(ascii: ".")
        guard text.count == 2 * count + 3, text[count] == dot, text[count + 2] == dot else { return nil }
        switch text[count + 1] {
        case UInt8(ascii: "0"): isKept = false
        case UInt8(ascii: "1"): isKept = true
        default: return nil
        }
        guard let sid = UUID(text.extracting(0..<count)), let proof = UUID(text.extracting((count + 3)..<text.count))
        else {
            return nil
        }
        self.sid = sid
        self.proof = proof
    }

    /// Makes the mark of a session whose tokens were just issued.
    ///
    /// - Throws: if no key derives the proof.
    package init(of sid: UUID, isKept: Bool, _ context: LoopContext) throws(LoginFailure) {
        self.sid = sid
        self.isKept = isKept
        do throws(IssueError) {
            proof = try context.issuer.sessionProof(of: sid, at: context.authState.clock.now)
        } catch {
            throw .signingUnavailable("\(error)")
        }
    }

    /// The mark for the cookie that replaces this one, with a proof by the newest key.
    package func renewed(_ context: LoopContext) -> SessionMark {
        (try? SessionMark(of: sid, isKept: isKept, context)) ?? self
    }

    package var text: [UInt8] {
        var text: [UInt8] = []
        sid.write(to: &text)
        text.append(UInt8(ascii: "."))
        text.append(isKept ? UInt8(ascii: "1") : UInt8(ascii: "0"))
        text.append(UInt8(ascii: "."))
        proof.write(to: &text)
        return text
    }
}
