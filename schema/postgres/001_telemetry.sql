-- The fleet and what its GPUs reported.
--
-- telemetry's metric columns are not listed here: the collector adds one
-- nullable double precision column for each line of schema/metrics.def.

CREATE TABLE cluster (
    id     integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name   text NOT NULL UNIQUE,
    region text
);

CREATE TABLE host (
    id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    cluster_id integer NOT NULL REFERENCES cluster (id),
    hostname   text NOT NULL,
    UNIQUE (cluster_id, hostname)
);

CREATE TABLE gpu (
    id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    host_id    integer NOT NULL REFERENCES host (id),
    gpu_index  text NOT NULL,
    uuid       text NOT NULL UNIQUE,
    device     text NOT NULL,
    model      text NOT NULL,
    first_seen timestamptz NOT NULL, -- when a collector first heard of it
    last_seen  timestamptz NOT NULL  -- and last (within a few seconds)
);
CREATE INDEX gpu_host_id ON gpu (host_id);

-- One row a GPU and time. Partitions hold one UTC day each and are named
-- telemetry_YYYYMMDD; the collector makes them as days appear and drops those
-- past the retention.
--
-- Where two samples of one GPU and time both have a value, the one later in
-- the stream wins, in whatever order they arrive here. So each value has a
-- revision, the stream's time (in nanoseconds) of the message it came with. In
-- the common row all values came with one message: revision says it, and
-- revisions is null. A row merged from several says in revisions what differs:
-- {"temperature": 1752871354000000001, "extra.DCGM_FI_NEW": …}.
CREATE TABLE telemetry (
    gpu_id    integer NOT NULL,
    ts        timestamptz NOT NULL,
    revision  bigint NOT NULL, -- of the newest message in the row
    revisions jsonb,
    extra     jsonb, -- metrics that are not in the catalogue
    PRIMARY KEY (gpu_id, ts)
) PARTITION BY RANGE (ts);

-- The revision of one value of a row.
CREATE FUNCTION revision_of(revisions jsonb, name text, revision bigint)
RETURNS bigint LANGUAGE sql IMMUTABLE AS
$$ SELECT COALESCE((revisions ->> name)::bigint, revision) $$;

-- A row's extra metrics with theirs.
CREATE FUNCTION extra_entries(extra jsonb, revisions jsonb, revision bigint)
RETURNS TABLE (name text, value jsonb, revision bigint)
LANGUAGE sql IMMUTABLE AS
$$ SELECT e.key, e.value, revision_of($2, 'extra.' || e.key, $3)
   FROM jsonb_each($1) AS e $$;
