"""Uploaded files that wait for their import."""

from __future__ import annotations

import hashlib
import secrets

from psycopg import sql

from geo.store.connection import Conn
from geo.store.statements import statement

UPLOAD_MINUTES = 60
"""Minutes after its last job in which a file that was not imported can be used for another."""
MAX_UPLOADS_PER_USER = 5
"""Largest number of stored files of one person; the oldest are deleted."""
_IS_AWAITED = sql.SQL(
    "EXISTS (SELECT FROM jobs j WHERE j.about->>'upload' = u.id AND j.ended IS NULL)"
)


def add_upload(conn: Conn, name: str, content: bytes, by: str) -> str:
    """Store a file for its import, and for another attempt if that fails.

    The caller commits. The oldest files of the person beyond `MAX_UPLOADS_PER_USER` are
    deleted.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    name : str
        Name of the file.
    content : bytes
        Its content.
    by : str
        Who sent it.

    Returns
    -------
    str
        Key of the upload.
    """
    key = secrets.token_urlsafe(16)
    conn.execute(
        "INSERT INTO uploads (id, name, sha256, uploaded_by, content) VALUES (%s, %s, %s, %s, %s)",
        (key, name, hashlib.sha256(content).hexdigest(), by, content),
    )
    delete_expired_uploads(conn)
    conn.execute(
        sql.SQL(
            "DELETE FROM uploads WHERE id IN (SELECT u.id FROM uploads u "
            "WHERE u.uploaded_by = %s AND u.id <> %s AND NOT {} "
            "ORDER BY u.uploaded_at DESC, u.id OFFSET %s)"
        ).format(_IS_AWAITED),
        (by, key, MAX_UPLOADS_PER_USER - 1),
    )
    return key


def delete_expired_uploads(conn: Conn) -> None:
    """Delete files that no job waits for and whose time for another attempt is over.

    The caller commits.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    """
    conn.execute(
        statement("expired_uploads").format(awaited=_IS_AWAITED), {"minutes": UPLOAD_MINUTES}
    )


def reuse_upload(conn: Conn, key: str, by: str) -> str | None:
    """Extend the storage of a file for one more job.

    The caller commits.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    key : str
        Key of the upload.
    by : str
        Who requests it; only the person who sent the file.

    Returns
    -------
    str or None
        Name of the file; None if it is no longer stored or of another person.
    """
    row = conn.execute(
        "UPDATE uploads SET uploaded_at = now() WHERE id = %s AND uploaded_by = %s RETURNING name",
        (key, by),
    ).fetchone()
    return str(row[0]) if row else None


def read_upload(conn: Conn, key: str) -> tuple[str, bytes] | None:
    """Return name and content of a stored file.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    key : str
        Key of the upload.

    Returns
    -------
    tuple of (str, bytes) or None
        None if it is no longer stored.
    """
    with conn.cursor(binary=True) as cursor:
        row = cursor.execute("SELECT name, content FROM uploads WHERE id = %s", (key,)).fetchone()
    return (str(row[0]), bytes(row[1])) if row else None


def delete_upload(conn: Conn, key: str) -> None:
    """Delete a stored file.

    The caller commits.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    key : str
        Key of the upload.
    """
    conn.execute("DELETE FROM uploads WHERE id = %s", (key,))
