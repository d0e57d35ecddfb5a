extension StartFault {
    /// - Parameter missing: as `Realm.missingSigners` names them.
    static func signersMissing(_ missing: [String], keysPath: String) -> StartFault {
        let faults = missing.map { name in
            let what = name == "refresh" ? "no secret signs refresh tokens" : "no key signs \(name)"
            let option = name == "refresh" ? "--refresh" : "--alg \(name)"
            return "\(what) now. Run: martlet keys rotate \(option) --lead 0s"
        }
        return StartFault(description: "\(keysPath): " + faults.joined(separator: "; "))
    }
}
