"""The form in which secrets of sessions, tokens and sign-ins are stored."""

from __future__ import annotations

import hashlib


def secret_digest(secret: str) -> bytes:
    """Return the digest under which a random secret is stored.

    Parameters
    ----------
    secret : str
        Of 256 random bits, so that a fast digest guards it as well as a slow one.

    Returns
    -------
    bytes
        32 bytes, SHA-256.
    """
    return hashlib.sha256(secret.encode()).digest()
