-- Who may send and read over the API without a person at the other end.
CREATE TABLE api_tokens (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (name <> ''),
    digest bytea NOT NULL UNIQUE,
    scopes text[] NOT NULL CHECK (cardinality(scopes) > 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    last_used_at timestamptz
);
COMMENT ON COLUMN api_tokens.digest IS 'SHA-256 of the token, which is itself kept nowhere';

-- Batches that came with a key of their sender's, and what they were answered: the same one again
-- gets the same answer.
CREATE TABLE feed_batches (
    token bigint NOT NULL REFERENCES api_tokens (id),
    key text NOT NULL,
    digest text NOT NULL,
    status integer NOT NULL,
    answer jsonb NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (token, key)
);
CREATE INDEX feed_batches_received ON feed_batches (received_at);

-- When a camera's status was last told, whether it changed or not.
CREATE TABLE camera_heard (
    camera text PRIMARY KEY,
    at timestamptz NOT NULL
);

-- A status that the history has already, from a feed with times of its own, is not noted once more.
CREATE OR REPLACE FUNCTION note_status() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO gridcover.camera_status (camera, since, status)
            SELECT code, coalesce(least(installed_on::timestamptz, now()), now()), status
            FROM new_rows ON CONFLICT (camera, since) DO UPDATE SET status = EXCLUDED.status;
    ELSE
        INSERT INTO gridcover.camera_status (camera, since, status)
            SELECT n.code, now(), n.status FROM new_rows n JOIN old_rows o ON o.code = n.code
            WHERE n.status <> o.status AND n.status IS DISTINCT FROM
                (SELECT s.status FROM gridcover.camera_status s WHERE s.camera = n.code
                 ORDER BY s.since DESC LIMIT 1)
            ON CONFLICT (camera, since) DO UPDATE SET status = EXCLUDED.status;
    END IF;
    RETURN NULL;
END $$;

-- Alerts of the watch over the weeks, from the run that raised them to the one that no longer has them.
CREATE TABLE alerts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    category text NOT NULL,
    grid text NOT NULL,
    run bigint NOT NULL,
    since date NOT NULL,
    observed double precision NOT NULL,
    expected double precision NOT NULL,
    score double precision NOT NULL,
    raised_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz
);
CREATE UNIQUE INDEX alerts_open ON alerts (category, grid) WHERE ended_at IS NULL;
COMMENT ON COLUMN alerts.run IS 'that raised it; runs are pruned, alerts are kept';

CREATE TABLE webhooks (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    url text NOT NULL UNIQUE,
    secret text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE webhook_deliveries (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    webhook bigint NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    payload text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    attempts integer NOT NULL DEFAULT 0,
    next_at timestamptz DEFAULT now(),
    delivered_at timestamptz,
    answer text
);
COMMENT ON COLUMN webhook_deliveries.next_at IS 'of the next attempt; NULL once delivered or given up';
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_at) WHERE next_at IS NOT NULL;
