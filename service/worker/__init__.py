"""The worker and what it runs."""
