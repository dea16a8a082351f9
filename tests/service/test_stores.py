"""Tests of store names in commands and of audit entries written in batches."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import psycopg

from geo.cli.store_access import empty_store_hint
from geo.settings import Settings
from geo.store.audit_actions import AuditAction
from geo.store.audit_seal import AuditSeal
from geo.store.connection import connect, make_pool, store_name
from geo.store.queries.audit import check_audit
from service.middleware.audit import AuditWriter
from tests.support.commands import CommandResult


def test_audit_writer_refused_entry_fails_alone(store: str, tmp_path: Path) -> None:
    """An entry that the database refuses does not affect the others of its batch."""
    pool = make_pool(store, size=1, writing=True)
    pool.open(wait=True)
    with connect(store) as conn:
        conn.execute("ALTER TABLE audit ADD CONSTRAINT not_x CHECK (object <> '/x') NOT VALID")

    async def write() -> list[object]:
        writer = AuditWriter(pool, AuditSeal(tmp_path))
        entries = [f"/{k}" for k in range(5)] + ["/x"] + [f"/{k}" for k in range(5, 9)]
        return await asyncio.gather(
            *(
                writer.add(actor="a", role="", address="", action=AuditAction.VIEWED, object_=path)
                for path in entries
            ),
            return_exceptions=True,
        )

    results = asyncio.run(write())
    pool.close()
    refused = [isinstance(result, psycopg.errors.CheckViolation) for result in results]
    assert refused == [False] * 5 + [True] + [False] * 4
    with connect(store) as conn:
        written = conn.execute(
            "SELECT count(*), count(*) FILTER (WHERE object = '/x') FROM audit"
        ).fetchone()
        assert written == (9, 0)
        assert check_audit(conn).broken is None


def test_commands_name_the_store_and_report_when_empty(
    run: Callable[..., CommandResult], store: str, tmp_path: Path
) -> None:
    name = store.split("dbname=")[1]
    added = run("token", "add", "x", "--scope", "incidents:write")
    assert f"the database {name} on" in added.stderr
    assert "It is empty" in added.stderr
    assert "GRIDCOVER_DATA_DIR or GRIDCOVER_DATABASE_URL" in added.stderr
    exported = run("export", "grids", "-o", str(tmp_path / "grids.csv"))
    assert (exported.returncode, "nothing to export" in exported.stderr) == (1, True)
    assert not (tmp_path / "grids.csv").exists()
    with connect(store) as conn:
        conn.execute(
            "INSERT INTO areas (code, name, level, geometry) VALUES ('990101', 'x', 'district', "
            "ST_Multi(ST_MakeEnvelope(118, 31, 118.01, 31.01, 4326)))"
        )
    listing = run("token", "list")
    assert f"the database {name} on" in listing.stderr
    assert "It is empty" not in listing.stderr
    assert run("export", "areas", "-o", str(tmp_path / "areas.csv")).returncode == 0


def test_store_name_describes_private_and_remote_stores(tmp_path: Path) -> None:
    (tmp_path / "demo" / "pg").mkdir(parents=True)
    settings = Settings(data_dir=tmp_path, database_url=None)
    assert store_name(settings) == f"the private database in {tmp_path}"
    assert f"GRIDCOVER_DATA_DIR={tmp_path / 'demo'}" in empty_store_hint(settings)
    secret = Settings(database_url="postgresql://me:secret@db.example/gis")
    assert store_name(secret) == "the database gis on db.example"
