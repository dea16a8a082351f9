"""The head of the audit log outside the database: what is cut off, moved or rewritten shows."""

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


def _write(conn: Conn, number: int) -> None:
    for k in range(number):
        append_audit_entry(
            conn, actor="a", role="planner", address="", action=AuditAction.VIEWED, object_=f"/{k}"
        )
    conn.commit()


def _behind_the_back(conn: Conn, *statements: str) -> None:
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
def test_what_the_owner_of_the_database_changes_shows(
    store: str, tmp_path: Path, kind: str
) -> None:
    statements, problems = TAMPERED[kind]
    seal = AuditSeal(tmp_path / "audit")
    with connect(store) as conn:
        _write(conn, 5)
        seal.update(conn)
        _behind_the_back(conn, *statements)
        sealed = seal.sealed(store_identity(conn))
        assert sealed is not None
        assert check(conn, sealed) == problems
        if kind == "everything":
            # Without a log and its anchor nothing can be recorded, and so nothing is shown.
            with pytest.raises(psycopg.errors.NotNullViolation):
                _write(conn, 1)
            return
        # What comes later does not make it good: the evidence is not written over.
        _write(conn, 3)
        seal.update(conn)
        again = seal.sealed(store_identity(conn))
        assert again is not None
        if problems:
            assert again == sealed
            assert check(conn, again)
        else:
            assert (again.id, check(conn, again)) == (8, [])


def test_the_chain_alone_names_a_missing_anchor(store: str) -> None:
    with connect(store) as conn:
        _write(conn, 3)
        _behind_the_back(conn, "DELETE FROM audit_anchor")
        found = check_audit(conn)
        assert (found.entries, found.broken) == (3, 1)


def test_the_anchor_is_protected(store: str) -> None:
    with connect(store) as conn:
        for statement in (
            "DELETE FROM audit_anchor",
            "UPDATE audit_anchor SET id = 3",
            "TRUNCATE audit_anchor",
        ):
            with pytest.raises(Exception, match="moved by"):
                conn.execute(statement.encode())
            conn.rollback()


def test_a_head_that_was_changed_without_the_key(store: str, tmp_path: Path) -> None:
    seal = AuditSeal(tmp_path)
    with connect(store) as conn:
        _write(conn, 2)
        seal.update(conn)
        (path,) = tmp_path.glob("head-*.json")
        path.write_text(path.read_text().replace('"id": 2', '"id": 1'))
        with pytest.raises(StoreError, match="changed without the key"):
            seal.sealed(store_identity(conn))
        (tmp_path / "key").unlink()
        with pytest.raises(StoreError, match="is missing"):
            seal.sealed(store_identity(conn))
    assert (path.stat().st_mode & 0o077) == 0


def test_an_older_head_is_never_written_over_a_newer_one(store: str, tmp_path: Path) -> None:
    seal = AuditSeal(tmp_path)
    with connect(store) as early, connect(store) as late:
        _write(early, 1)
        early.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        assert read_head(early) is not None
        _write(late, 4)
        seal.update(late)
        seal.update(early)
        early.rollback()
        sealed = seal.sealed(store_identity(late))
        assert sealed is not None
        assert sealed.id == 5


def test_stores_have_heads_of_their_own(store: str, bare: str, tmp_path: Path) -> None:
    from geo.store.migration import migrate

    migrate(bare)
    seal = AuditSeal(tmp_path)
    for conninfo, number in ((store, 3), (bare, 1)):
        with connect(conninfo) as conn:
            _write(conn, number)
            seal.update(conn)
    with connect(store) as one, connect(bare) as other:
        assert store_identity(one) != store_identity(other)
        heads = [seal.sealed(store_identity(conn)) for conn in (one, other)]
        assert [head.id for head in heads if head] == [3, 1]


def test_an_entry_with_what_cannot_be_stored_is_written_with_escapes(store: str) -> None:
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


def test_commands_write_and_check_the_head(
    run: Callable[..., CommandResult], store: str, tmp_path: Path
) -> None:
    assert run("user", "add", "Wang", "--role", "planner", "--everywhere").returncode == 0
    head = run("audit", "head").stdout.strip()
    assert run("user", "remove", "Wang").returncode == 0
    intact = run("audit", "verify", "--head", head)
    assert (intact.returncode, "is as it was written" in intact.stdout) == (0, True), intact.stderr
    with connect(store) as conn:
        _behind_the_back(
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
        _behind_the_back(conn, "DELETE FROM audit WHERE id > 1")
    assert "are missing" in run("audit", "verify").stderr
    # Without the head file, one that was stored elsewhere shows it all the same.
    for path in Path(get_settings().seal_dir).glob("head-*.json"):
        path.unlink()
    assert run("audit", "verify", "--head", f"3:{'0' * 64}").returncode == 1
    assert "give it as" in run("audit", "verify", "--head", "x").stderr
    assert "No head of this log" in run("audit", "verify").stderr


def test_a_folder_that_cannot_be_written_is_named_at_the_start(tmp_path: Path) -> None:
    AuditSeal(tmp_path / "new" / "audit").require_writable()
    assert (tmp_path / "new" / "audit" / "key").stat().st_mode & 0o077 == 0
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="GRIDCOVER_AUDIT_DIR"):
        AuditSeal(tmp_path / "file").require_writable()
