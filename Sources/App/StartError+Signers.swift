extension StartError {
    /// - Parameter missing: the purposes and algorithms that `AuthState.missingSigners` reports.
    static func signersMissing(_ missing: [String], keysPath: String) -> StartError {
        let faults = missing.map { name in
            let what = name == "refresh" ? "no secret signs refresh tokens" : "no key signs \(name)"
            let option = name == "refresh" ? "--refresh" : "--alg \(name)"
            return "\(what) now. Run: martlet keys rotate \(option) --lead 0s"
        }
        return StartError(description: "\(keysPath): " + faults.joined(separator: "; "))
    }
}
