"""Tests of `AuditSeal`: the sealed head outside the database detects changes of the audit log."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from geo.errors import StoreError
from geo.settings import get_settings
from geo.store.audit_actions import AuditAction
from geo.store.audit_seal import AuditSeal, SealProblem, check, read_head, store_identity
from geo.store.connection import Conn, connect
from geo.store.queries.audit import append_audit_entry, check_audit, read_audit_entries
from tests.support.commands import CommandResult


def _append_entries(conn: Conn, count: int) -> None:
    for index in range(count):
        append_audit_entry(
            conn,
            actor="a",
            role="planner",
            address="",
            action=AuditAction.VIEWED,
            object_=f"/{index}",
        )
    conn.commit()


def _execute_without_triggers(conn: Conn, *statements: str) -> None:
    for table in ("audit", "audit_anchor"):
        conn.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER".encode())
    for statement in statements:
        conn.execute(statement.encode())
    for table in ("audit", "audit_anchor"):
        conn.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER".encode())
    conn.commit()


REWRITE = (
    "UPDATE audit SET actor = 'b' WHERE id = 5",
    "UPDATE audit a SET digest = audit_digest(a) WHERE id = 5",
)
# fmt: off
TAMPERED = {
    "nothing": ((), []), "tail": (("DELETE FROM audit WHERE id = 5",), [SealProblem.TRUNCATED]),
    "whole log": (("DELETE FROM audit",), [SealProblem.TRUNCATED]),
    "newest entry": (REWRITE, [SealProblem.REWRITTEN]),
    "anchor": (("DELETE FROM audit_anchor",), [SealProblem.ANCHOR]),
    "beginning": (
        (
            "UPDATE audit_anchor SET (id, digest) = (SELECT id, digest FROM audit WHERE id = 2)",
            "DELETE FROM audit WHERE id <= 2",
        ),
        [SealProblem.ANCHOR],
    ),
    "everything": (
        ("DELETE FROM audit", "DELETE FROM audit_anchor"),
        [SealProblem.ANCHOR, SealProblem.TRUNCATED],
    ),
    "chain made again": (
        (
            "UPDATE audit SET actor = 'b' WHERE id = 4",
            "UPDATE audit a SET digest = audit_digest(a) WHERE id = 4",
            "UPDATE audit SET previous = (SELECT digest FROM audit WHERE id = 4) WHERE id = 5",
            "UPDATE audit a SET digest = audit_digest(a) WHERE id = 5",
        ),
        [SealProblem.REWRITTEN],
    ),
}
# fmt: on


@pytest.mark.parametrize("kind", sorted(TAMPERED))
def test_audit_seal_detects_changes_by_the_database_owner(
    store: str, tmp_path: Path, kind: str
) -> None:
    statements, problems = TAMPERED[kind]
    seal = AuditSeal(tmp_path / "audit")
    with connect(store) as conn:
        _append_entries(conn, 5)
        seal.update(conn)
        _execute_without_triggers(conn, *statements)
        sealed = seal.sealed(store_identity(conn))
        assert sealed is not None
        assert check(conn, sealed) == problems
        if kind == "everything":
            # Without a log and its anchor no entry can be appended.
            with pytest.raises(psycopg.errors.NotNullViolation):
                _append_entries(conn, 1)
            return
        # Later entries do not hide the change: the sealed head is not overwritten.
        _append_entries(conn, 3)
        seal.update(conn)
        sealed_later = seal.sealed(store_identity(conn))
        assert sealed_later is not None
        if problems:
            assert sealed_later == sealed
            assert check(conn, sealed_later)
        else:
            assert (sealed_later.id, check(conn, sealed_later)) == (8, [])


def test_check_audit_reports_a_missing_anchor(store: str) -> None:
    with connect(store) as conn:
        _append_entries(conn, 3)
        _execute_without_triggers(conn, "DELETE FROM audit_anchor")
        outcome = check_audit(conn)
        assert (outcome.entries, outcome.broken) == (3, 1)


def test_audit_anchor_rejects_direct_changes(store: str) -> None:
    with connect(store) as conn:
        for statement in (
            "DELETE FROM audit_anchor",
            "UPDATE audit_anchor SET id = 3",
            "TRUNCATE audit_anchor",
        ):
            with pytest.raises(Exception, match="moved by"):
                conn.execute(statement.encode())
            conn.rollback()


def test_audit_seal_rejects_a_head_changed_without_the_key(store: str, tmp_path: Path) -> None:
    seal = AuditSeal(tmp_path)
    with connect(store) as conn:
        _append_entries(conn, 2)
        seal.update(conn)
        (path,) = tmp_path.glob("head-*.json")
        path.write_text(path.read_text().replace('"id": 2', '"id": 1'))
        with pytest.raises(StoreError, match="changed without the key"):
            seal.sealed(store_identity(conn))
        (tmp_path / "key").unlink()
        with pytest.raises(StoreError, match="is missing"):
            seal.sealed(store_identity(conn))
    assert (path.stat().st_mode & 0o077) == 0


def test_audit_seal_update_keeps_the_newer_head(store: str, tmp_path: Path) -> None:
    seal = AuditSeal(tmp_path)
    with connect(store) as early, connect(store) as late:
        _append_entries(early, 1)
        early.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        assert read_head(early) is not None
        _append_entries(late, 4)
        seal.update(late)
        seal.update(early)
        early.rollback()
        sealed = seal.sealed(store_identity(late))
        assert sealed is not None
        assert sealed.id == 5


def test_audit_seal_keeps_one_head_per_store(store: str, bare: str, tmp_path: Path) -> None:
    from geo.store.migration import migrate

    migrate(bare)
    seal = AuditSeal(tmp_path)
    for conninfo, number in ((store, 3), (bare, 1)):
        with connect(conninfo) as conn:
            _append_entries(conn, number)
            seal.update(conn)
    with connect(store) as first, connect(bare) as second:
        assert store_identity(first) != store_identity(second)
        heads = [seal.sealed(store_identity(conn)) for conn in (first, second)]
        assert [head.id for head in heads if head] == [3, 1]


def test_append_audit_entry_escapes_unstorable_characters(store: str) -> None:
    with connect(store) as conn:
        append_audit_entry(
            conn,
            actor="a\x00b",
            role="",
            address="\ud800",
            action=AuditAction.VIEWED,
            object_="/\x00",
            detail={"q\x00": ["\ud800", "\x00", float("nan"), {"x": "汉字 😀"}]},
        )
        conn.commit()
        (entry,) = read_audit_entries(conn, 1)
        assert (entry["actor"], entry["address"], entry["object"]) == (
            "a\\x00b",
            "\\ud800",
            "/\\x00",
        )
        assert entry["detail"] == {"q\\x00": ["\\ud800", "\\x00", "nan", {"x": "汉字 😀"}]}
        assert check_audit(conn).broken is None


def test_audit_commands_write_and_verify_the_head(
    run: Callable[..., CommandResult], store: str, tmp_path: Path
) -> None:
    assert run("user", "add", "Wang", "--role", "planner", "--everywhere").returncode == 0
    head = run("audit", "head").stdout.strip()
    assert run("user", "remove", "Wang").returncode == 0
    intact = run("audit", "verify", "--head", head)
    assert (intact.returncode, "is as it was written" in intact.stdout) == (0, True), intact.stderr
    with connect(store) as conn:
        _execute_without_triggers(
            conn,
            "UPDATE audit SET actor = 'x' WHERE id = 2",
            "UPDATE audit a SET digest = audit_digest(a) WHERE id = 2",
        )
    broken = run("audit", "verify")
    assert (broken.returncode, "newest entries of the log were rewritten" in broken.stderr) == (
        1,
        True,
    )
    assert "nothing is deleted" in run("audit", "prune").stderr
    assert run("audit", "accept").returncode == 0
    assert run("audit", "verify").returncode == 0
    with connect(store) as conn:
        _execute_without_triggers(conn, "DELETE FROM audit WHERE id > 1")
    assert "are missing" in run("audit", "verify").stderr
    # Without the head file, a copy of the head that is given as an option detects the change.
    for path in Path(get_settings().seal_dir).glob("head-*.json"):
        path.unlink()
    assert run("audit", "verify", "--head", f"3:{'0' * 64}").returncode == 1
    assert "give it as" in run("audit", "verify", "--head", "x").stderr
    assert "No head of this log" in run("audit", "verify").stderr


def test_audit_seal_require_writable_names_the_setting(tmp_path: Path) -> None:
    AuditSeal(tmp_path / "new" / "audit").require_writable()
    assert (tmp_path / "new" / "audit" / "key").stat().st_mode & 0o077 == 0
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="GRIDCOVER_AUDIT_DIR"):
        AuditSeal(tmp_path / "file").require_writable()
