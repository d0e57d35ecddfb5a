/// The function that reads and writes the data of sessions.
enum SchemaData {
    /// Verdicts: 0 done (revision and content of a read, the revision of a write), 1 another revision, 2 to 5 the session
    /// has ended, 7 no data, 100 another epoch. A write without content removes the data.
    static let text = """
        CREATE OR REPLACE FUNCTION {schema}.data(
            known_epoch bigint, d_step integer[], d_write boolean[], d_sid uuid[], d_expected bigint[], d_content bytea[],
            d_expires bigint[], d_birth bigint[], d_id bigint[], d_all uuid[], d_client uuid[], d_subject uuid[]
        ) RETURNS TABLE (o_step integer, o_verdict integer, o_revision bigint, o_content bytea)
        LANGUAGE plpgsql SECURITY DEFINER {planning} AS $$
        #variable_conflict use_column
        DECLARE
            i record;
            found_revision bigint;
            found_content bytea;
            code integer;
        BEGIN
            PERFORM FROM head h WHERE h.epoch = known_epoch FOR UPDATE;
            IF NOT FOUND THEN
                RETURN QUERY SELECT -1, 100, 0::bigint, NULL::bytea;
                RETURN;
            END IF;
            FOR i IN SELECT * FROM unnest(d_step, d_write, d_sid, d_expected, d_content, d_expires, d_birth, d_id, d_all,
                    d_client, d_subject)
                AS t (step, is_write, sid, expected, content, expires, birth, id, everything, client, subject)
            LOOP
                SELECT CASE
                    WHEN EXISTS (SELECT FROM denied d WHERE d.key = i.sid AND d.kind = 2 AND d.variant = 0) THEN 2
                    ELSE ended.code END
                    INTO code FROM (SELECT) one {ended};
                SELECT d.revision, d.content INTO found_revision, found_content FROM data d WHERE d.sid = i.sid;
                found_revision := coalesce(found_revision, 0);
                IF code IS NOT NULL THEN
                    RETURN QUERY SELECT i.step, code, 0::bigint, NULL::bytea;
                ELSIF NOT i.is_write THEN
                    RETURN QUERY SELECT i.step, CASE WHEN found_revision = 0 THEN 7 ELSE 0 END, found_revision,
                        found_content;
                ELSIF found_revision <> i.expected THEN
                    RETURN QUERY SELECT i.step, 1, found_revision, NULL::bytea;
                ELSIF i.content IS NULL THEN
                    DELETE FROM data d WHERE d.sid = i.sid;
                    RETURN QUERY SELECT i.step, 0, 0::bigint, NULL::bytea;
                ELSE
                    INSERT INTO data AS d (sid, revision, content, expires, birth, id, everything, client, subject)
                        VALUES (i.sid, 1, i.content, i.expires, i.birth, i.id, i.everything, i.client, i.subject)
                        ON CONFLICT (sid) DO UPDATE SET revision = d.revision + 1, content = excluded.content,
                        expires = greatest(d.expires, excluded.expires);
                    RETURN QUERY SELECT i.step, 0, found_revision + 1, NULL::bytea;
                END IF;
            END LOOP;
        END$$;
        """
}
