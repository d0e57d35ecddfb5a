/// The tables. Times are milliseconds since 1970.
enum SchemaTables {
    static let text = """
        CREATE SCHEMA IF NOT EXISTS {schema};

        -- One row: how far the log is. Every batch locks it first, so the order of commits is the order of numbers.
        CREATE TABLE IF NOT EXISTS {schema}.head (
            id boolean PRIMARY KEY DEFAULT true CHECK (id),
            format integer NOT NULL,
            epoch bigint NOT NULL,
            seq bigint NOT NULL,
            at bigint NOT NULL,
            identity text NOT NULL
        ) WITH (fillfactor = 50);
        INSERT INTO {schema}.head (format, epoch, seq, at, identity) VALUES ({format}, 0, 0, 0, '')
            ON CONFLICT (id) DO NOTHING;
        DO $$BEGIN
            IF (SELECT format FROM {schema}.head) > {format} THEN
                RAISE EXCEPTION 'the schema is of a newer version of Martlet' USING ERRCODE = 'feature_not_supported';
            END IF;
        END$$;

        -- The epochs, with the number of the first and of the last record; the last is null in the current one.
        CREATE TABLE IF NOT EXISTS {schema}.epoch (
            epoch bigint PRIMARY KEY,
            first bigint NOT NULL,
            last bigint,
            identity text NOT NULL,
            at bigint NOT NULL
        );
        -- The newest records, 64 bytes each.
        CREATE TABLE IF NOT EXISTS {schema}.log (
            seq bigint PRIMARY KEY,
            epoch bigint NOT NULL,
            at bigint NOT NULL,
            record bytea NOT NULL
        );
        -- The last rotation of each session; flags 1: the same one may have been recorded before with another time.
        CREATE TABLE IF NOT EXISTS {schema}.session (
            sid uuid PRIMARY KEY,
            generation bigint NOT NULL,
            request bigint NOT NULL,
            flags smallint NOT NULL,
            at bigint NOT NULL,
            expires bigint NOT NULL,
            seq bigint NOT NULL
        ) WITH (fillfactor = 80);
        -- The revoked tokens (kind 1; variant: the end of the token, or -2^63 for any) and sessions (kind 2, variant 0).
        CREATE TABLE IF NOT EXISTS {schema}.denied (
            key uuid NOT NULL,
            kind smallint NOT NULL,
            variant bigint NOT NULL,
            expires bigint NOT NULL,
            flags smallint NOT NULL,
            reason integer NOT NULL,
            seq bigint NOT NULL,
            at bigint NOT NULL,
            PRIMARY KEY (key, kind, variant)
        );
        -- The revoke-before times of subjects (kind 1), clients (2), keys (3) and everything (4). A value is the high
        -- half of a UUID minus 2^63.
        CREATE TABLE IF NOT EXISTS {schema}.cut (
            key uuid PRIMARY KEY,
            kind smallint NOT NULL,
            reason integer NOT NULL,
            value bigint NOT NULL,
            recorded bigint NOT NULL,
            expires bigint NOT NULL,
            seq bigint NOT NULL,
            at bigint NOT NULL
        );
        -- The sessions that survive a revoke-before time; seq is the number of its record.
        CREATE TABLE IF NOT EXISTS {schema}.exemption (
            sid uuid NOT NULL,
            kind smallint NOT NULL,
            reason integer NOT NULL,
            value bigint NOT NULL,
            expires bigint NOT NULL,
            seq bigint NOT NULL,
            at bigint NOT NULL,
            PRIMARY KEY (sid, kind)
        );
        -- What the list of a user's sessions shows.
        CREATE TABLE IF NOT EXISTS {schema}.entry (
            sid uuid PRIMARY KEY,
            records bytea NOT NULL,
            expires bigint NOT NULL,
            seq bigint NOT NULL,
            at bigint NOT NULL
        );
        -- The data of sessions, with what says when the session ends.
        CREATE TABLE IF NOT EXISTS {schema}.data (
            sid uuid PRIMARY KEY,
            revision bigint NOT NULL,
            content bytea NOT NULL,
            expires bigint NOT NULL,
            birth bigint,
            id bigint NOT NULL,
            everything uuid NOT NULL,
            client uuid NOT NULL,
            subject uuid NOT NULL
        );
        -- What the nodes say about themselves each second.
        CREATE TABLE IF NOT EXISTS {schema}.node (
            name text PRIMARY KEY,
            instance bigint NOT NULL,
            version text NOT NULL,
            epoch bigint NOT NULL,
            seq bigint NOT NULL,
            age bigint NOT NULL,
            clock_offset bigint NOT NULL,
            key_hash text NOT NULL,
            settings_hash text NOT NULL,
            at bigint NOT NULL
        ) WITH (fillfactor = 50);
        CREATE INDEX IF NOT EXISTS session_expires ON {schema}.session (expires);
        CREATE INDEX IF NOT EXISTS denied_expires ON {schema}.denied (expires);
        CREATE INDEX IF NOT EXISTS entry_expires ON {schema}.entry (expires);
        CREATE INDEX IF NOT EXISTS data_expires ON {schema}.data (expires);
        """
}
