import API
import App
import Testing

@Suite("clients/js")
struct ClientModuleTests {
    @Test func `the binary serves the module as it is in its file`() throws {
        let file = try #require(Checkout.text("clients/js/martlet.js"))
        #expect(file.utf8.elementsEqual(ClientModule.text.utf8), "run scripts/client-module")
    }

    @Test func `the package has the version of the service`() throws {
        let package = try #require(Checkout.text("clients/js/package.json"))
        #expect(package.contains("\"version\": \"\(Version.text)\""))
    }
}
