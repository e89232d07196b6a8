-- What people wrote on GPUs: labels, and that one is out of service. Written by
-- gateways, apart from the rows that collectors keep up to date.
--
-- changed_at is how gateways learn of each other's changes: each asks for what
-- has changed since it last asked, and a little before (a row is seen when its
-- transaction ends, which is later than its changed_at).

CREATE TABLE gpu_annotation (
    gpu_id             integer PRIMARY KEY REFERENCES gpu (id) ON DELETE CASCADE,
    labels             jsonb NOT NULL DEFAULT '{}', -- {"key": "value", …}
    maintenance        boolean NOT NULL DEFAULT false,
    maintenance_reason text,
    maintenance_since  timestamptz,
    changed_at         timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX gpu_annotation_changed_at ON gpu_annotation (changed_at);
