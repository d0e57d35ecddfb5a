/// What several functions have in common.
enum SchemaFragments {
    /// Settings of every function. Names are looked up in the schema only, so that no object of a caller takes the place
    /// of one. All look-ups go by a key: without these settings the planner would read whole tables after an analysis
    /// that found them small. A lock that another batch holds for a second is one that a lost standby keeps.
    static let planning = """
        SET search_path TO {schema}, pg_temp
            SET plan_cache_mode TO force_generic_plan SET enable_seqscan TO off SET enable_hashjoin TO off
            SET enable_mergejoin TO off SET enable_bitmapscan TO off SET jit TO off SET lock_timeout TO '1s'
        """

    /// Why a session `i` has ended by a revoke-before time: 3 everything, 4 its client, 5 its subject.
    static let ended = """
        LEFT JOIN LATERAL (
            SELECT min(CASE c.kind WHEN 4 THEN 3 WHEN 2 THEN 4 ELSE 5 END) AS code
            FROM cut c LEFT JOIN exemption e ON e.sid = i.sid AND e.kind = c.kind
            WHERE c.key IN (i.everything, i.client, i.subject) AND CASE
                WHEN i.birth IS NULL THEN i.id < c.value AND coalesce(e.value < c.value, true)
                ELSE i.birth < c.seq AND coalesce(e.seq < c.seq, true)
            END
        ) ended ON true
        """

    /// The number of the later record counts, and the greater value; one that is recorded again keeps its first number.
    static let cutMerge = """
        ON CONFLICT (key) DO UPDATE SET value = greatest(c.value, excluded.value),
            expires = greatest(c.expires, excluded.expires),
            seq = CASE WHEN excluded.recorded = c.recorded THEN least(c.seq, excluded.seq)
                ELSE greatest(c.seq, excluded.seq) END,
            recorded = CASE WHEN excluded.seq > c.seq THEN excluded.recorded ELSE c.recorded END,
            reason = CASE WHEN excluded.seq > c.seq THEN excluded.reason ELSE c.reason END,
            at = greatest(c.at, excluded.at)
        """

    static let exemptionMerge = """
        ON CONFLICT (sid, kind) DO UPDATE SET value = greatest(e.value, excluded.value),
            expires = CASE WHEN excluded.value > e.value THEN excluded.expires ELSE e.expires END,
            seq = greatest(e.seq, excluded.seq), at = greatest(e.at, excluded.at)
        """
}
