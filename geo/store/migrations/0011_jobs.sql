-- Work that is done behind the service: who asked for it, how far it is, what came of it. The queue itself is
-- procrastinate's, in tables of its own beside these.
CREATE TABLE jobs (
    id bigint PRIMARY KEY,
    task text NOT NULL,
    about jsonb NOT NULL DEFAULT '{}',
    asked_by text NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    step text NOT NULL DEFAULT '',
    steps integer NOT NULL DEFAULT 0,
    ended text CHECK (ended IN ('done', 'failed', 'cancelled')),
    outcome jsonb,
    report text
);
CREATE INDEX jobs_asked ON jobs (asked_at);

CREATE TABLE uploads (
    id text PRIMARY KEY,
    name text NOT NULL,
    sha256 text NOT NULL,
    uploaded_by text NOT NULL,
    uploaded_at timestamptz NOT NULL DEFAULT now(),
    content bytea NOT NULL
);
ALTER TABLE uploads ALTER COLUMN content SET STORAGE EXTERNAL;

CREATE TABLE queue_migrations (
    name text PRIMARY KEY,
    applied_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE queue_migrations IS 'files of procrastinate that have been applied';
GRANT SELECT ON queue_migrations TO gridcover_reader;
