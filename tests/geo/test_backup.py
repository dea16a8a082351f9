"""Tests of `backup` and `restore`: the restored tables equal the original ones."""

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
    table_digests = {}
    with connect(conninfo) as conn:
        names = conn.execute(
            "SELECT relname FROM pg_class "
            "WHERE relnamespace = 'gridcover'::regnamespace AND relkind = 'r'"
        ).fetchall()
        for (name,) in names:
            row = conn.execute(
                "SELECT count(*), md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))) "
                f'FROM "{name}" t'
            ).fetchone()
            assert row is not None
            table_digests[name] = (row[0], row[1])
    return table_digests


def test_restore_into_empty_cluster_equals_the_original(
    demo_store: str, open_folder: Path, tmp_path: Path
) -> None:
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
        # The restored store works: identities continue, triggers and policies are in force.
        with connect(second.conninfo) as conn:
            conn.execute(
                "UPDATE cameras SET status = 'faulty' WHERE code = (SELECT min(code) FROM cameras)"
            )
            assert conn.execute("SELECT count(*) > 0 FROM changes").fetchone() == (True,)
            append_audit_entry(conn, actor="a", role="", address="", action="x", object_="y")
            assert check_audit(conn).broken is None
            conn.execute(
                "INSERT INTO imports (layer, file, sha256, rows, inserted, updated, unchanged, "
                "mended, rejected, options) VALUES ('a', 'b', 'c', 1, 1, 0, 0, 0, 0, '{}')"
            )
            conn.commit()
        pool = make_pool(second.conninfo, size=1)
        pool.open(wait=True)
        with pool.connection() as conn:
            assert conn.execute("SELECT count(*) FROM cameras").fetchone() == (0,)
            set_scope(conn, ("990101002",))
            grid_count = conn.execute("SELECT count(*) FROM grids").fetchone()
            assert grid_count is not None
            assert 0 < grid_count[0] < 297
        pool.close()


def test_restore_rejects_missing_and_invalid_files(bare: str, tmp_path: Path) -> None:
    file = tmp_path / "x.dump"
    with pytest.raises(StoreError, match="does not exist"):
        backup.restore(bare, file, Settings())
    file.write_bytes(b"PGDMP but not really")
    with pytest.raises(StoreError, match="nothing was kept"):
        backup.restore(bare, file, Settings())
    with psycopg.connect(bare) as conn:
        migrations = conn.execute("SELECT to_regclass('gridcover.migrations')").fetchone()
    assert migrations == (None,)


def test_db_backup_and_restore_commands(run: Callable[..., CommandResult], tmp_path: Path) -> None:
    file = tmp_path / "a.dump"
    assert run("db", "backup", str(file)).returncode == 0
    assert file.exists()
    restored = run("db", "restore", str(file))
    assert restored.returncode == 1
    assert "holds a gridcover already" in restored.stderr
