-- Accounts that sign in at an OpenID Connect provider, and sign-ins that are under way there.
ALTER TABLE users ADD COLUMN subject text;
CREATE UNIQUE INDEX users_subject ON users (subject) WHERE disabled_at IS NULL;
COMMENT ON COLUMN users.subject IS 'whom the provider says it is; such an account has no password of ours';

CREATE TABLE provider_sign_ins (
    state bytea PRIMARY KEY,
    nonce text NOT NULL,
    verifier text NOT NULL,
    next text NOT NULL,
    begun_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN provider_sign_ins.state IS 'SHA-256 of what the browser was given';
