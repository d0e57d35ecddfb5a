/// The functions of a new epoch: to begin it, and to tell the engine what it lacks.
enum SchemaTell {
    static let begin = """
        CREATE OR REPLACE FUNCTION {schema}.begin_epoch(
            seen_epoch bigint, seen_seq bigint, seen_identity text, new_epoch bigint, new_seq bigint, new_identity text
        ) RETURNS boolean
        LANGUAGE plpgsql SECURITY DEFINER {planning} AS $$
        #variable_conflict use_column
        DECLARE
            h head%ROWTYPE;
            now_at bigint;
        BEGIN
            SELECT * INTO STRICT h FROM head FOR UPDATE;
            IF h.epoch <> seen_epoch OR h.seq <> seen_seq OR h.identity <> seen_identity OR new_epoch <= h.epoch
                OR new_seq <= h.seq
            THEN
                RETURN false;
            END IF;
            now_at := greatest(h.at, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint);
            UPDATE epoch e SET last = h.seq WHERE e.last IS NULL;
            INSERT INTO epoch (epoch, first, identity, at) VALUES (new_epoch, new_seq, new_identity, now_at);
            UPDATE head SET epoch = new_epoch, seq = new_seq - 1, at = now_at, identity = new_identity;
            PERFORM pg_notify({channel}, '');
            RETURN true;
        END$$;
        """

    /// Records that a node has, with the number and time that they had first. Each is recorded only if it says something
    /// new. The answer is the last number, the time, and how many forks ended a session.
    static let tell = """
        CREATE OR REPLACE FUNCTION {schema}.tell(
            known_epoch bigint, t_kind smallint[], t_key uuid[], t_variant bigint[], t_flags smallint[], t_reason integer[],
            t_expires bigint[], t_value bigint[], t_seq bigint[], t_at bigint[], t_record bytea[], t_extra bytea[]
        ) RETURNS TABLE (o_seq bigint, o_at bigint, o_forks integer)
        LANGUAGE plpgsql SECURITY DEFINER {planning} AS $$
        #variable_conflict use_column
        DECLARE
            last bigint;
            first bigint;
            now_at bigint;
            head_at bigint;
            i record;
            known session%ROWTYPE;
            changed integer;
            is_listing boolean := false;
            bytes bytea;
            forks integer := 0;
        BEGIN
            SELECT h.seq, h.at, greatest(h.at, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint)
                INTO last, head_at, now_at FROM head h WHERE h.epoch = known_epoch FOR UPDATE;
            IF NOT FOUND THEN
                RETURN;
            END IF;
            first := last;
            FOR i IN SELECT * FROM unnest(t_kind, t_key, t_variant, t_flags, t_reason, t_expires, t_value, t_seq, t_at,
                    t_record, t_extra)
                AS t (kind, key, variant, flags, reason, expires, value, seq, at, record, extra)
            LOOP
                changed := 0;
                bytes := i.record;
                IF i.kind IN (1, 2) THEN
                    INSERT INTO denied AS d (key, kind, variant, expires, flags, reason, seq, at)
                        VALUES (i.key, i.kind, i.variant, i.expires, i.flags, i.reason, i.seq, i.at)
                        ON CONFLICT (key, kind, variant) DO UPDATE SET expires = excluded.expires
                        WHERE excluded.expires > d.expires;
                    GET DIAGNOSTICS changed = ROW_COUNT;
                ELSIF i.kind = 4 AND i.flags & 1 = 1 THEN
                    INSERT INTO exemption AS e (sid, kind, reason, value, expires, seq, at)
                        VALUES (i.key, i.flags >> 4, i.reason, i.value, i.expires, i.seq + 1, i.at)
                        {exemptionMerge} WHERE excluded.value > e.value OR excluded.seq > e.seq;
                    GET DIAGNOSTICS changed = ROW_COUNT;
                ELSIF i.kind = 4 THEN
                    INSERT INTO cut AS c (key, kind, reason, value, recorded, expires, seq, at)
                        VALUES (i.key, i.flags >> 4, i.reason, i.value, i.value, i.expires, i.seq, i.at)
                        {cutMerge} WHERE excluded.value > c.value OR excluded.expires > c.expires
                            OR excluded.seq > c.seq AND excluded.recorded <> c.recorded;
                    GET DIAGNOSTICS changed = ROW_COUNT;
                ELSIF i.kind = 3 AND NOT EXISTS
                    (SELECT FROM denied d WHERE d.key = i.key AND d.kind = 2 AND d.variant = 0)
                THEN
                    SELECT * INTO known FROM session WHERE sid = i.key;
                    IF NOT FOUND OR known.generation < i.variant THEN
                        INSERT INTO session AS s (sid, generation, request, flags, at, expires, seq)
                            VALUES (i.key, i.variant, i.value, 1, i.at, i.expires, i.seq)
                            ON CONFLICT (sid) DO UPDATE SET generation = excluded.generation,
                            request = excluded.request, flags = excluded.flags, at = excluded.at, seq = excluded.seq,
                            expires = greatest(s.expires, excluded.expires);
                        changed := 1;
                    ELSIF known.generation = i.variant AND (known.request <> i.value
                        OR known.at <> i.at AND i.flags & 1 = 0 AND known.flags & 1 = 0)
                    THEN
                        INSERT INTO denied AS d (key, kind, variant, expires, flags, reason, seq, at)
                            VALUES (i.key, 2, 0, i.expires, 0, {forkReason}, last + 1, now_at)
                            ON CONFLICT (key, kind, variant) DO NOTHING;
                        GET DIAGNOSTICS changed = ROW_COUNT;
                        forks := forks + changed;
                        bytes := i.extra;
                    END IF;
                ELSIF i.kind = 8 AND i.flags & 15 = 0 THEN
                    INSERT INTO entry (sid, records, expires, seq, at)
                        SELECT i.key, i.extra, i.expires, i.seq, i.at
                        WHERE NOT EXISTS (SELECT FROM denied d WHERE d.key = i.key AND d.kind = 2 AND d.variant = 0)
                        ON CONFLICT (sid) DO NOTHING;
                    GET DIAGNOSTICS changed = ROW_COUNT;
                    is_listing := changed > 0;
                ELSIF i.kind = 8 THEN
                    changed := is_listing::integer;
                END IF;
                IF changed > 0 THEN
                    IF i.kind = 2 OR i.kind = 3 AND bytes = i.extra THEN
                        DELETE FROM entry e WHERE e.sid = i.key;
                        DELETE FROM data d WHERE d.sid = i.key;
                    END IF;
                    last := last + 1;
                    INSERT INTO log (seq, epoch, at, record) VALUES (last, known_epoch, now_at, bytes);
                END IF;
            END LOOP;
            IF last > first THEN
                UPDATE head SET seq = last, at = now_at;
                head_at := now_at;
                PERFORM pg_notify({channel}, '');
            END IF;
            RETURN QUERY SELECT last, head_at, forks;
        END$$;
        """
}
