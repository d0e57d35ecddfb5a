import OpenSSL

/// RSA numbers that agree with each other although `p` is the product of two primes.
enum CompositeRSAKey {
    static let n = octets(
        """
        c24488b70f427e222b6835a9cdb696c1c73e67cbc21386f71b52806678889e878916cbb8af14f8f3b43886c48f16b8ca
        8b24a905b38a855a46b7929902d0ad81075869e34a45721ba3a3eb7c7cdca677d7cf0354c2b769d2d458a5d91db42a9a
        cce10a3d93619d38cde7fd8130d560c32b57596aaaec0b9052957ea8a708858687a0e715f29702277b9e3a950f0f3032
        737423ca7c07304e3a1f38a9e6830b867eaef37c25fef1d5139b172cfb0487c844001e8889b144b3e4f1d8e0369dcba7
        c93efa6b91f5b64b63df6688eb34e7a071a79a3f68b0d05df7ab02262c8095c2b49ad8d729d158bb7cb06af3e556c56c
        d2b0fcfd8b74067eb64baf9df34da9b9
        """)
    static let d = octets(
        """
        107a9e4b42feddb2b9d264ecf2bf8891c6fc36f34c92f9f9a7a66bb0658c97400183bec3bb8c50a2e19882ec15043528
        2f3dec9d88719966c3456aa8d2998f8238b48a04e705b58c7d28d83eaedbcbbe323f03f6126f5b09708c55833197191f
        18fe84ef1cbba4c9cf039d1832a3830a0338ed63943ca22d7ba7e53edaae691f0e74e402166d70f8df130cf9f0839342
        9fcead13f22fb3a766bd2c03a9da47501a42324229fcbc0b30f7a6c6f72f8a4cf9aca0fcd62ecee2d0846df75572e694
        da385d585d567b0e4c99d7ff611c611de12b6e5b4b037207a39b301ff5eb79ac33db8bc6815e7a765e2f717f0cec58db
        5a73d24863e2ff2ebbbb9d1401bac415
        """)
    static let p = octets(
        """
        c63bbc962e4449b8dde0891d08139999e94fd464dd6f534eecc5e6ad5e4baa0af97e86718d7db500d2eb7ba4d84534da
        f1f74124dc2f2ef0c0e0149dd9e3812e54be27e84098f3658ca7d2c61bc12a946ebf180c2e768b91a8e24b758a7864a2
        a9fed8d7c86dea6effd57e4728dc7cd37439bd1ed76e97e662ea216eb0a9bda5
        """)
    static let q = octets(
        """
        fae0f5ba3db53c76db5bd01d7baec6dba164faf2c29bc8ea3d4f10073ea4c3724e9e4f7bef58dcc605dd7914da52abca
        4439fdf599b3433807b9ed9f59f142ce9c09c2366247f6a206986729d44f5664144129f87f592784aee5a52076380e53
        a07a25c75acdd8e31bc1da90ed1666aee202636bfc850819fe3e29e521322785
        """)
    static let dp = octets(
        """
        88dc6f5c847ef3232654c2757fc1007869c38ad144ac7aa8f001c63c85f0d96a904c9187ce772ec36ddbd4d6bfd63022
        c591beb1332f844a05efef6bf82601673a6cbae2b7cea1a4c7d28a4bea9797cd3914c8068901a164a463f0532b91e971
        00cb096d195d01d136e27037b2f75f5b225046c90755bc9bfc48c76243a83d5d
        """)
    static let dq = octets(
        """
        ed171242aab48f6ac80d71959b60660003fbb989184f3f45d720d3c5f4f6a2da70dffdbfe34738854fdfa8e1031ea3c9
        284721f12c0b14986bfcd34b08260ffbcfcd0d2476270a36bf42e223cec8179dc6e27a76a46b2e049f80d957df414490
        d594fa04f79497c6b161b75bc523a970d698693b114eeb841d18c4610cc9283d
        """)
    static let qi = octets(
        """
        4df9cfba7520bd507c0140e0ad3c9e905a5c576a440c7666a982fa723b31ec97c455a470449cd57067cd02caf5e6aa7e
        d499419f73f62553106c9a52a0f0e48ea24391e64c610e628d32a8d215a32a8f6ca276e9401576ab45c6faaa20f405e4
        12f014bd33fd32a1e8f3ee3d50e8bb9a7bf5b04d923ae213b2e277c2f2c3cf14
        """)

    static func components() throws -> RSAPrivateComponents {
        RSAPrivateComponents(
            publicHalf: try RSAPublicComponents(modulus: n, exponent: [1, 0, 1]), d: d, p: p, q: q, dp: dp, dq: dq,
            qi: qi)
    }

    private static func octets(_ text: String) -> [UInt8] {
        let digits = text.filter { !$0.isNewline }.compactMap(\.hexDigitValue)
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }
}
