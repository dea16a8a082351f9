"""The form in which secrets of sessions, tokens and sign-ins are stored."""

from __future__ import annotations

import hashlib


def secret_digest(secret: str) -> bytes:
    """Return the digest under which a random secret is stored.

    Parameters
    ----------
    secret : str
        The secret, of 256 random bits: a fast digest protects it as well as a slow one.

    Returns
    -------
    bytes
        SHA-256, 32 bytes.
    """
    return hashlib.sha256(secret.encode()).digest()
