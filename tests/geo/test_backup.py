"""A backup restored into an empty cluster holds what the first one held, table by table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from geo.errors import StoreError
from geo.settings import Settings
from geo.store import backup, private_cluster
from geo.store.connection import connect, make_pool
from geo.store.queries.audit import append_audit_entry, check_audit
from geo.store.scope import set_scope
from tests.support.commands import CommandResult


def digests(conninfo: str) -> dict[str, tuple[int, str | None]]:
    """Rows of every table, and a digest of them."""
    out = {}
    with connect(conninfo) as conn:
        names = conn.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'gridcover'::regnamespace AND relkind = 'r'"
        ).fetchall()
        for (name,) in names:
            row = conn.execute(
                f"SELECT count(*), md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))) FROM \"{name}\" t"
            ).fetchone()
            assert row is not None
            out[name] = (row[0], row[1])
    return out


def test_into_an_empty_cluster(demo_store: str, open_folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "gridcover.dump"
    size = backup.backup(demo_store, file, Settings())
    assert size == file.stat().st_size > 1_000_000
    assert file.stat().st_mode & 0o077 == 0
    with pytest.raises(StoreError, match="there already"):
        backup.backup(demo_store, file, Settings())
    with private_cluster.running(open_folder / "second") as second:
        backup.restore(second.conninfo, file, Settings())
        before, after = digests(demo_store), digests(second.conninfo)
        assert len(before) > 40
        assert before == after
        assert before["incidents"][0] == 60_000
        with pytest.raises(StoreError, match="holds a gridcover already"):
            backup.restore(second.conninfo, file, Settings())
        # It lives: identities go on, triggers and policies hold.
        with connect(second.conninfo) as conn:
            conn.execute(
                "UPDATE cameras SET status = 'faulty' WHERE code = (SELECT min(code) FROM cameras)"
            )
            assert conn.execute("SELECT count(*) > 0 FROM changes").fetchone() == (True,)
            append_audit_entry(conn, actor="a", role="", address="", action="x", object_="y")
            assert check_audit(conn).broken is None
            conn.execute(
                "INSERT INTO imports (layer, file, sha256, rows, inserted, updated, unchanged, mended, "
                "rejected, options) VALUES ('a', 'b', 'c', 1, 1, 0, 0, 0, 0, '{}')"
            )
            conn.commit()
        pool = make_pool(second.conninfo, size=1)
        pool.open(wait=True)
        with pool.connection() as conn:
            assert conn.execute("SELECT count(*) FROM cameras").fetchone() == (0,)
            set_scope(conn, ("990101002",))
            seen = conn.execute("SELECT count(*) FROM grids").fetchone()
            assert seen is not None
            assert 0 < seen[0] < 297
        pool.close()


def test_a_file_that_is_none(bare: str, tmp_path: Path) -> None:
    file = tmp_path / "x.dump"
    with pytest.raises(StoreError, match="does not exist"):
        backup.restore(bare, file, Settings())
    file.write_bytes(b"PGDMP but not really")
    with pytest.raises(StoreError, match="nothing was kept"):
        backup.restore(bare, file, Settings())
    with psycopg.connect(bare) as conn:
        there = conn.execute("SELECT to_regclass('gridcover.migrations')").fetchone()
    assert there == (None,)


def test_commands(run: Callable[..., CommandResult], tmp_path: Path) -> None:
    file = tmp_path / "a.dump"
    assert run("db", "backup", str(file)).returncode == 0
    assert file.exists()
    again = run("db", "restore", str(file))
    assert again.returncode == 1
    assert "holds a gridcover already" in again.stderr
