/// The function that records a batch of events and rotations.
///
/// A batch is divided into parts. Within a part no step depends on another one, so each part is one statement; the
/// statement sees what the parts before it did. Numbers follow the order of the steps.
enum SchemaCommit {
    /// Verdicts: 0 recorded, 1 the session is at another generation, 2 to 5 the session has ended (itself, everything,
    /// its client, its subject), 6 an earlier attempt succeeded, 100 another epoch.
    static let text = """
        CREATE OR REPLACE FUNCTION {schema}.commit(
            known_epoch bigint, parts integer,
            r_part integer[], r_step integer[], r_kind smallint[], r_key uuid[], r_variant bigint[], r_flags smallint[],
            r_reason integer[], r_expires bigint[], r_value bigint[], r_record bytea[],
            v_part integer[], v_step integer[], v_sid uuid[], v_generation bigint[], v_request bigint[],
            v_expires bigint[], v_birth bigint[], v_id bigint[], v_all uuid[], v_client uuid[], v_subject uuid[],
            v_repeated boolean[], v_record bytea[],
            e_part integer[], e_sid uuid[], e_records bytea[]
        ) RETURNS TABLE (o_step integer, o_verdict integer, o_seq bigint, o_generation bigint, o_request bigint, o_at bigint,
            o_rotation boolean)
        LANGUAGE plpgsql SECURITY DEFINER {planning} AS $$
        #variable_conflict use_column
        DECLARE
            first bigint;
            last bigint;
            now_at bigint;
            part_number integer;
        BEGIN
            SELECT h.seq, greatest(h.at, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint)
                INTO last, now_at FROM head h WHERE h.epoch = known_epoch FOR UPDATE;
            IF NOT FOUND THEN
                RETURN QUERY SELECT -1, 100, 0::bigint, 0::bigint, 0::bigint, 0::bigint, false;
                RETURN;
            END IF;
            first := last;
            RETURN QUERY SELECT -1, 0, last, 0::bigint, 0::bigint, now_at, false;
            FOR part_number IN 0 .. parts - 1 LOOP
                RETURN QUERY
                WITH v AS (
                    SELECT i.step, i.sid, i.generation, i.request, i.expires, i.record, i.repeated,
                        s.generation AS g, s.request AS q, s.at AS a,
                        CASE
                            WHEN EXISTS (SELECT FROM denied d WHERE d.key = i.sid AND d.kind = 2 AND d.variant = 0) THEN 2
                            WHEN ended.code IS NOT NULL THEN ended.code
                            WHEN i.generation >= 4294967295 THEN 1
                            WHEN coalesce(s.generation, 0) = i.generation THEN 0
                            WHEN i.repeated AND s.generation = i.generation + 1 AND s.request = i.request THEN 6
                            ELSE 1
                        END AS verdict
                    FROM unnest(v_part, v_step, v_sid, v_generation, v_request, v_expires, v_birth, v_id, v_all,
                            v_client, v_subject, v_repeated, v_record)
                        AS i (part, step, sid, generation, request, expires, birth, id, everything, client, subject,
                            repeated, record)
                    LEFT JOIN session s ON s.sid = i.sid
                    {ended}
                    WHERE i.part = part_number
                ), n AS (
                    SELECT u.*,
                        last + sum(CASE WHEN u.verdict IN (0, 6) THEN 1 ELSE 0 END) OVER (ORDER BY u.step, u.place)
                            AS seq
                    FROM (
                        SELECT i.step, i.place, 0 AS verdict, i.kind, i.key, i.variant, i.flags, i.reason, i.expires,
                            i.value, i.record, NULL::bigint AS g, NULL::bigint AS q, NULL::bigint AS a,
                            false AS is_rotation
                        FROM unnest(r_part, r_step, r_kind, r_key, r_variant, r_flags, r_reason, r_expires, r_value,
                                r_record) WITH ORDINALITY
                            AS i (part, step, kind, key, variant, flags, reason, expires, value, record, place)
                        WHERE i.part = part_number
                        UNION ALL
                        SELECT v.step, 0, v.verdict, 3::smallint, v.sid, v.generation + 1, v.repeated::integer::smallint, 0,
                            v.expires, v.request, v.record, v.g, v.q, v.a, true
                        FROM v
                    ) u
                ), logged AS (
                    INSERT INTO log (seq, epoch, at, record)
                    SELECT n.seq, known_epoch, now_at, n.record FROM n WHERE n.verdict IN (0, 6)
                ), rotated AS (
                    INSERT INTO session AS s (sid, generation, request, flags, at, expires, seq)
                    SELECT n.key, n.variant, n.value, n.flags, now_at, n.expires, n.seq FROM n
                        WHERE n.kind = 3 AND n.verdict IN (0, 6)
                    ON CONFLICT (sid) DO UPDATE SET generation = excluded.generation, request = excluded.request,
                        flags = excluded.flags, at = excluded.at, seq = excluded.seq, expires = greatest(s.expires, excluded.expires)
                ), revoked AS (
                    INSERT INTO denied AS d (key, kind, variant, expires, flags, reason, seq, at)
                    SELECT DISTINCT ON (n.key, n.kind, n.variant)
                        n.key, n.kind, n.variant, n.expires, n.flags, n.reason, n.seq, now_at
                    FROM n WHERE n.kind IN (1, 2) ORDER BY n.key, n.kind, n.variant, n.expires DESC, n.seq
                    ON CONFLICT (key, kind, variant) DO UPDATE SET expires = excluded.expires
                        WHERE excluded.expires > d.expires
                ), cut_before AS (
                    INSERT INTO cut AS c (key, kind, reason, value, recorded, expires, seq, at)
                    SELECT n.key, n.flags >> 4, n.reason, n.value, n.value, n.expires, n.seq, now_at FROM n
                        WHERE n.kind = 4 AND n.flags & 1 = 0
                    {cutMerge}
                ), exempted AS (
                    INSERT INTO exemption AS e (sid, kind, reason, value, expires, seq, at)
                    SELECT n.key, n.flags >> 4, n.reason, n.value, n.expires, n.seq + 1, now_at FROM n
                        WHERE n.kind = 4 AND n.flags & 1 = 1
                    {exemptionMerge}
                ), listed AS (
                    INSERT INTO entry (sid, records, expires, seq, at)
                    SELECT i.sid, i.records, n.expires, n.seq, now_at
                    FROM unnest(e_part, e_sid, e_records) AS i (part, sid, records)
                        JOIN n ON n.key = i.sid AND n.kind = 8 AND n.flags & 15 = 0
                    WHERE i.part = part_number
                    ON CONFLICT (sid) DO NOTHING
                ), unlisted AS (
                    DELETE FROM entry e USING n WHERE n.kind = 2 AND e.sid = n.key
                ), emptied AS (
                    DELETE FROM data d USING n WHERE n.kind = 2 AND d.sid = n.key
                ), moved AS (
                    UPDATE head h SET seq = (SELECT max(n.seq) FROM n), at = now_at
                    WHERE EXISTS (SELECT FROM n WHERE n.verdict IN (0, 6))
                )
                SELECT n.step, n.verdict, n.seq::bigint, n.g, n.q, n.a, n.is_rotation FROM n;
                IF parts > 1 THEN
                    SELECT h.seq INTO last FROM head h;
                END IF;
            END LOOP;
            SELECT h.seq INTO last FROM head h;
            IF last > first THEN
                PERFORM pg_notify({channel}, '');
            END IF;
        END$$;
        """
}
