import Foundation
import Pages

/// The HTML writer: whatever a client or a file of texts supplies stays text.
///
/// The input is read as a name of a user, a device, an address and a file of texts, separated by NUL. The page has to
/// have the same markup as one for harmless texts.
enum PageFuzzer {
    static func make() -> ([UInt8]) -> Void {
        let harmless = markup(of: pages(["a", "b", "c"], .builtIn))
        return { bytes in
            let parts = bytes.split(separator: 0, maxSplits: 3, omittingEmptySubsequences: false)
            let texts = (0..<3).map { $0 < parts.count ? String(decoding: parts[$0], as: UTF8.self) : "" }
            var languages = PageLanguages.builtIn
            if parts.count > 3, let found = try? PageTextsFile.languages(Array(parts[3])) { languages = found }
            demand(markup(of: pages(texts, languages)) == harmless, "the markup does not depend on the texts")
        }
    }

    /// All pages in the last language.
    private static func pages(_ texts: [String], _ languages: PageLanguages) -> [[UInt8]] {
        let site = PageSite(name: texts[0], languages: languages)
        var signIn = SignInPage()
        (signIn.username, signIn.device, signIn.returnAddress) = (texts[0], texts[1], texts[2])
        (signIn.signedInAs, signIn.asksForDevice) = (texts[0], true)
        signIn.refusal = PageRefusal(.device, .deviceUnfit)
        var account = AccountPage(username: texts[0])
        let session = AccountPage.Session(id: texts[2], device: texts[1], address: texts[2], beganAt: 0, usedAt: 0)
        (account.current, account.others, account.passwordCharacterCountMin) = (session, [session], 8)
        account.notice = PageMessage(.sessionEnded)
        let language = languages.all.last ?? .english
        return [signIn.html(site, language), account.html(site, language)]
    }

    /// The document without what is between tags and between quotes.
    private static func markup(of pages: [[UInt8]]) -> [[UInt8]] {
        pages.map { page in
            var markup: [UInt8] = []
            var (isTag, isQuoted) = (false, false)
            for byte in page {
                switch byte {
                case UInt8(ascii: "<") where !isTag:
                    isTag = true
                    markup.append(byte)
                case UInt8(ascii: ">") where isTag && !isQuoted:
                    isTag = false
                    markup.append(byte)
                case UInt8(ascii: "\"") where isTag:
                    isQuoted.toggle()
                    markup.append(byte)
                default:
                    if isTag && !isQuoted { markup.append(byte) }
                    demand(byte >= 0x20 && byte != 0x7f || byte == 0x0a || byte == 0x09, "no control character")
                    demand(isQuoted ? byte != UInt8(ascii: "<") : true, "no tag in a value")
                }
            }
            demand(!isTag && !isQuoted, "every tag ends")
            // A text that the language lacks says that it is English.
            return Array(String(decoding: markup, as: UTF8.self).replacing(" lang=\"\" dir=\"\"", with: "").utf8)
        }
    }
}
