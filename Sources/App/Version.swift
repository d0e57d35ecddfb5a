/// The version of this build; CHANGELOG.md tells what is in it.
package enum Version {
    package static let text = "0.2.0"
}
