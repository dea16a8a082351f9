"""Commands for accounts, API tokens, webhooks and the audit log: one module per group."""
