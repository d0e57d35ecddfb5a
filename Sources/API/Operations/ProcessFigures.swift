/// What the kernel counts of the process; nil where it does not say.
package struct ProcessFigures: Sendable {
    package var cpuSeconds: Double?
    package var residentByteCount: Int?
    package var virtualByteCount: Int?
    package var descriptorCount: Int?
    package var descriptorCountMax: Int?

    package init() {}
}
