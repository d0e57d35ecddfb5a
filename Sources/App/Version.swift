/// The version of this build; CHANGELOG.md lists its changes.
package enum Version {
    package static let text = "0.2.0"
}
