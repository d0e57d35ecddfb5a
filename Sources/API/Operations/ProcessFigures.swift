/// What the kernel counts for the process; nil where it reports nothing.
package struct ProcessFigures: Sendable {
    package var cpuSeconds: Double?
    package var residentByteCount: Int?
    package var virtualByteCount: Int?
    package var descriptorCount: Int?
    package var descriptorCountMax: Int?

    package init() {}
}
