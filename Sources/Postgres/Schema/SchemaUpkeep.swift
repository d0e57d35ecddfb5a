/// The functions for what nodes say about themselves, and for what has expired.
enum SchemaUpkeep {
    /// A node lives if it reported within five seconds. Reports promise nothing, so none waits for a disk.
    static let exchange = """
        CREATE OR REPLACE FUNCTION {schema}.exchange(
            n_name text, n_instance bigint, n_version text, n_epoch bigint, n_seq bigint, n_age bigint,
            n_clock_offset bigint, n_key_hash text, n_settings_hash text
        ) RETURNS boolean
        LANGUAGE plpgsql SECURITY DEFINER {planning} AS $$
        #variable_conflict use_column
        DECLARE
            now_at bigint := floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint;
            stored integer;
        BEGIN
            PERFORM set_config('synchronous_commit', 'off', true);
            INSERT INTO node AS n (name, instance, version, epoch, seq, age, clock_offset, key_hash, settings_hash, at)
                VALUES (n_name, n_instance, n_version, n_epoch, n_seq, n_age, n_clock_offset, n_key_hash,
                    n_settings_hash, now_at)
                ON CONFLICT (name) DO UPDATE SET instance = excluded.instance, version = excluded.version,
                epoch = excluded.epoch, seq = excluded.seq, age = excluded.age, clock_offset = excluded.clock_offset,
                key_hash = excluded.key_hash, settings_hash = excluded.settings_hash, at = excluded.at
                WHERE n.instance = excluded.instance OR n.at NOT BETWEEN now_at - 5000 AND now_at + 5000;
            GET DIAGNOSTICS stored = ROW_COUNT;
            RETURN stored > 0;
        END$$;
        """

    /// Removes at most `count` rows of each table and returns the greatest number of rows removed from one; -1 if another
    /// node is at it. What ended less than a day ago stays, for clocks that differ.
    static let maintain = """
        CREATE OR REPLACE FUNCTION {schema}.maintain(piece integer, log_age bigint, log_count bigint) RETURNS integer
        LANGUAGE plpgsql SECURITY DEFINER {planning} AS $$
        #variable_conflict use_column
        DECLARE
            now_at bigint := floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint;
            horizon bigint := now_at - 86400000;
            kept_from bigint;
            removed integer;
            most integer := 0;
        BEGIN
            IF NOT pg_try_advisory_xact_lock(hashtextextended({channel} || '.maintain', 0)) THEN
                RETURN -1;
            END IF;
            PERFORM set_config('synchronous_commit', 'off', true);
            DELETE FROM denied WHERE (key, kind, variant) IN
                (SELECT key, kind, variant FROM denied WHERE expires < horizon LIMIT piece FOR UPDATE SKIP LOCKED);
            GET DIAGNOSTICS removed = ROW_COUNT;
            most := greatest(most, removed);
            DELETE FROM session WHERE sid IN
                (SELECT sid FROM session WHERE expires < horizon LIMIT piece FOR UPDATE SKIP LOCKED);
            GET DIAGNOSTICS removed = ROW_COUNT;
            most := greatest(most, removed);
            DELETE FROM entry WHERE sid IN
                (SELECT sid FROM entry WHERE expires < horizon LIMIT piece FOR UPDATE SKIP LOCKED);
            GET DIAGNOSTICS removed = ROW_COUNT;
            most := greatest(most, removed);
            DELETE FROM data WHERE sid IN
                (SELECT sid FROM data WHERE expires < horizon LIMIT piece FOR UPDATE SKIP LOCKED);
            GET DIAGNOSTICS removed = ROW_COUNT;
            most := greatest(most, removed);
            IF EXISTS (SELECT FROM cut) THEN
                DELETE FROM data WHERE sid IN
                    (SELECT i.sid FROM data i {ended} WHERE ended.code IS NOT NULL LIMIT piece);
                GET DIAGNOSTICS removed = ROW_COUNT;
                most := greatest(most, removed);
            END IF;
            DELETE FROM cut WHERE expires < horizon;
            DELETE FROM exemption WHERE expires < horizon;
            DELETE FROM node WHERE at < horizon;
            SELECT seq INTO kept_from FROM log ORDER BY seq DESC OFFSET log_count LIMIT 1;
            DELETE FROM log WHERE seq IN (SELECT seq FROM log ORDER BY seq LIMIT piece)
                AND (at < now_at - log_age OR seq <= kept_from);
            GET DIAGNOSTICS removed = ROW_COUNT;
            RETURN greatest(most, removed);
        END$$;
        """
}
