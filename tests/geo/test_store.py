"""The private cluster and the migrations, with real server processes that are killed."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import psycopg
import pytest

from geo.errors import StoreError
from geo.settings import Settings
from geo.store import private_cluster
from geo.store.connection import connect, database
from geo.store.migration import Migration, applied_migrations, migrate, migrations, require_current
from geo.store.scope import set_scope
from tests.support.processes import is_running
from tests.support.waiting import wait_until

PROGRAM = """
import sys, time
from pathlib import Path
from geo.store import private_cluster
with private_cluster.running(Path(sys.argv[1])) as c:
    print("up", flush=True)
    sys.stdin.readline()
"""


def postmaster_pid(cluster: private_cluster.Cluster) -> int:
    return int((cluster.data / "postmaster.pid").read_text().splitlines()[0])


def test_private_cluster_restarts_after_a_crash(open_folder: Path) -> None:
    folder = open_folder / "crash"
    with private_cluster.running(folder) as cluster:
        with connect(cluster.conninfo) as conn:
            conn.execute("CREATE TABLE kept (n int)")
            conn.execute("INSERT INTO kept VALUES (7)")
        pid = postmaster_pid(cluster)
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not is_running(pid))
        assert private_cluster.start(cluster)
        with connect(cluster.conninfo) as conn:
            assert conn.execute("SELECT n FROM kept").fetchone() == (7,)
            encoding = conn.execute(
                "SELECT pg_encoding_to_char(encoding), datcollate FROM pg_database "
                "WHERE datname = 'gridcover'"
            ).fetchone()
        assert encoding == ("UTF8", "C.UTF-8")
        pid = postmaster_pid(cluster)
    assert not is_running(pid)
    assert not (cluster.data / "postmaster.pid").exists()


def test_private_cluster_ignores_a_reused_process_id(open_folder: Path) -> None:
    folder = open_folder / "reused_pid"
    with private_cluster.running(folder) as cluster:
        pass
    sleeper = subprocess.Popen(["sleep", "60"])
    try:
        pid_file = cluster.data / "postmaster.pid"
        pid_file.write_text(f"{sleeper.pid}\n{cluster.data}\n0\n5432\n\n\n")
        with private_cluster.running(folder) as restarted, connect(restarted.conninfo) as conn:
            assert conn.execute("SELECT 1").fetchone() == (1,)
        assert sleeper.poll() is None
    finally:
        sleeper.kill()
        sleeper.wait()


def test_private_cluster_is_stopped_by_its_last_user(open_folder: Path) -> None:
    folder = open_folder / "shared"
    other_process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other_process.stdout is not None
    assert other_process.stdout.readline() == "up\n"
    with private_cluster.running(folder) as cluster:
        pid = postmaster_pid(cluster)
    assert is_running(pid), "the other process still uses it"
    other_process.communicate("\n", timeout=60)
    assert not is_running(pid)


def test_private_cluster_has_a_short_socket_path(open_folder: Path) -> None:
    folder = open_folder / ("a" * 60) / ("b" * 60)
    with private_cluster.running(folder) as cluster, connect(cluster.conninfo) as conn:
        assert conn.execute("SELECT 1").fetchone() == (1,)
        assert (
            len(os.fsencode(cluster.socket_dir / ".s.PGSQL.5432")) <= private_cluster.SOCKET_LIMIT
        )
        assert cluster.socket_dir.stat().st_mode & 0o077 == 0
    shutil.rmtree(cluster.socket_dir)  # it is outside the folder of the test


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another account")
def test_private_cluster_reports_an_inaccessible_folder_to_root(open_folder: Path) -> None:
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    with (
        pytest.raises(StoreError, match="GRIDCOVER_DATA_DIR"),
        private_cluster.running(closed / "data"),
    ):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another account to become")
def test_private_cluster_runs_as_an_ordinary_user(open_folder: Path) -> None:
    account = pwd.getpwnam("nobody")
    home = open_folder / "nobody"
    home.mkdir()
    os.chown(home, account.pw_uid, account.pw_gid)
    program = "import sys; sys.path.insert(0, sys.argv[2])\n" + PROGRAM
    try:
        completed = subprocess.run(
            [sys.executable, "-c", program, str(home / "data"), str(Path(__file__).parents[2])],
            input="\n",
            capture_output=True,
            text=True,
            timeout=120,
            cwd="/",
            check=False,
            user=account.pw_uid,
            group=account.pw_gid,
            extra_groups=[],
            env={
                "HOME": str(home),
                "PATH": os.environ["PATH"],
                "NUMBA_CACHE_DIR": str(home / "numba"),
            },
        )
    except PermissionError:
        pytest.skip("this checkout lies where other accounts cannot enter")
    if "No module named" in completed.stderr or "Permission denied" in completed.stderr:
        pytest.skip("this checkout lies where other accounts cannot enter")
    assert completed.stdout == "up\n", completed.stderr
    assert (home / "data" / "pg").stat().st_uid == account.pw_uid


def test_migrate_applies_each_migration_once(bare: str) -> None:
    numbers = [m.number for m in migrations()]
    assert numbers == list(range(1, len(numbers) + 1))
    with connect(bare) as conn, pytest.raises(StoreError, match="db migrate"):
        require_current(conn)
    assert [m.number for m in migrate(bare)] == numbers
    assert migrate(bare) == []
    with connect(bare) as conn:
        require_current(conn)
        assert sorted(applied_migrations(conn)) == numbers


def test_migrate_is_safe_when_run_concurrently(bare: str) -> None:
    applied: list[int] = []
    threads = [
        threading.Thread(target=lambda: applied.append(len(migrate(bare)))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(applied) == [0, 0, 0, len(migrations())]


def test_migrate_undoes_a_failing_migration(bare: str, monkeypatch: pytest.MonkeyPatch) -> None:
    failing = Migration(99, "bad", "CREATE TABLE half (n int); SELECT 1/0;")
    monkeypatch.setattr("geo.store.migration.migrations", lambda: [*migrations(), failing])
    with pytest.raises(StoreError, match="undone"):
        migrate(bare)
    with connect(bare) as conn:
        assert conn.execute("SELECT to_regclass('gridcover.half')").fetchone() == (None,)
        assert 99 not in applied_migrations(conn)


def test_migrate_refuses_edited_and_unknown_migrations(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *rest = migrations()
    monkeypatch.setattr(
        "geo.store.migration.migrations",
        lambda: [Migration(first.number, first.name, first.sql + " "), *rest],
    )
    with pytest.raises(StoreError, match="edited"):
        migrate(store)
    monkeypatch.setattr("geo.store.migration.migrations", lambda: [first])
    with pytest.raises(StoreError, match="newer"):
        migrate(store)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO cameras (code, fov_deg, geometry) VALUES ('a', 0, 'SRID=4326;POINT(1 1)')",
        "INSERT INTO cameras (code, bearing_deg, geometry) VALUES ('a', 361, "
        "'SRID=4326;POINT(1 1)')",
        "INSERT INTO cameras (code, geometry) VALUES ('a', 'SRID=4326;POINT EMPTY')",
        "INSERT INTO buildings (id, geometry) VALUES ('a', "
        "'SRID=4326;MULTIPOLYGON(((0 0,1 1,1 0,0 1,0 0)))')",
        "INSERT INTO grids (code, name, community, geometry) VALUES ('a', 'a', 'none', "
        "'SRID=4326;MULTIPOLYGON(((0 0,1 0,1 1,0 0)))')",
        "INSERT INTO incidents (source, source_id, occurred_at) VALUES ('a', '1', now())",
    ],
)
def test_constraints_refuse_invalid_rows(store: str, statement: str) -> None:
    with connect(store) as conn, pytest.raises(psycopg.errors.IntegrityError):
        conn.execute(statement)
        conn.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_every_geometry_column_has_an_index(store: str) -> None:
    with connect(store) as conn:
        missing = conn.execute(
            "SELECT g.f_table_name FROM geometry_columns g WHERE g.f_table_schema = 'gridcover' "
            "AND EXISTS (SELECT FROM pg_tables t WHERE t.schemaname = 'gridcover' "
            "AND t.tablename = g.f_table_name) "
            "AND NOT EXISTS (SELECT FROM pg_indexes i WHERE i.schemaname = 'gridcover' "
            "AND i.tablename = g.f_table_name AND i.indexdef LIKE '%gist (geometry)%')"
        ).fetchall()
    assert missing == []


def test_database_uses_the_configured_server(store: str) -> None:
    settings = Settings(database_url=store)  # type: ignore[arg-type]
    with database(settings) as conninfo:
        assert conninfo == store
    with pytest.raises(StoreError, match="cannot be reached"):
        connect("host=127.0.0.1 port=1 dbname=x user=y")


def test_connect_honours_tls_options(open_folder: Path) -> None:
    """A server with TLS only: the right root certificate is accepted, another one is refused."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs openssl to make a certificate")
    with private_cluster.running(open_folder / "tls") as cluster:
        owner = (cluster.data / "PG_VERSION").stat()
        for name in ("server", "other"):
            subprocess.run(
                [
                    openssl,
                    "req",
                    "-x509",
                    "-newkey",
                    "rsa:2048",
                    "-nodes",
                    "-days",
                    "2",
                    "-subj",
                    "/CN=localhost",
                    "-addext",
                    "subjectAltName=DNS:localhost,IP:127.0.0.1",
                    "-keyout",
                    str(cluster.data / f"{name}.key"),
                    "-out",
                    str(open_folder / f"{name}.crt"),
                ],
                check=True,
                capture_output=True,
            )
        shutil.copy(open_folder / "server.crt", cluster.data / "server.crt")
        for path in (cluster.data / "server.key", cluster.data / "server.crt"):
            os.chown(path, owner.st_uid, owner.st_gid)
            path.chmod(0o600)
        with socket.socket() as free_socket:
            free_socket.bind(("127.0.0.1", 0))
            port = free_socket.getsockname()[1]
        with psycopg.connect(cluster.conninfo, autocommit=True) as conn:
            conn.execute("CREATE ROLE remote LOGIN PASSWORD 'secret'")
            conn.execute("ALTER SYSTEM SET listen_addresses = '127.0.0.1'")
            conn.execute(f"ALTER SYSTEM SET port = {port}")
            conn.execute("ALTER SYSTEM SET ssl = on")
        with (cluster.data / "pg_hba.conf").open("a") as rules:
            rules.write("hostssl all remote 127.0.0.1/32 scram-sha-256\n")
        private_cluster.stop(cluster)
        started = private_cluster.pg_ctl(cluster, "-l", str(cluster.log), "start")
        assert started.returncode == 0, started.stderr
        try:
            url = f"postgresql://remote:secret@127.0.0.1:{port}/gridcover"
            valid_url = f"{url}?sslmode=verify-full&sslrootcert={open_folder}/server.crt"
            settings = Settings(database_url=valid_url)  # type: ignore[arg-type]
            assert ":secret@" not in repr(settings)
            with database(settings) as conninfo, connect(conninfo) as conn:
                uses_tls = conn.execute(
                    "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
                ).fetchone()
            assert uses_tls == (True,)
            invalid_url = f"{url}?sslmode=verify-full&sslrootcert={open_folder}/other.crt"
            with pytest.raises(StoreError, match="certificate verify failed"):
                connect(invalid_url)
            with pytest.raises(StoreError, match="no encryption"):
                connect(f"{url}?sslmode=disable")
        finally:
            private_cluster.stop(cluster)


def test_migrations_run_as_an_owner_without_superuser_rights(
    private: private_cluster.Cluster,
) -> None:
    """On an external server the owner of the database may have no other rights."""
    with psycopg.connect(private.conninfo, autocommit=True) as conn:
        conn.execute("CREATE ROLE plain_owner")
        if (
            conn.execute("SELECT 1 FROM pg_roles WHERE rolname = 'gridcover_reader'").fetchone()
            is None
        ):
            conn.execute("CREATE ROLE gridcover_reader NOLOGIN")
        conn.execute("GRANT gridcover_reader TO plain_owner")
        conn.execute("CREATE DATABASE plain OWNER plain_owner TEMPLATE template0")
    with psycopg.connect(private.conninfo.replace("dbname=gridcover", "dbname=plain")) as conn:
        conn.execute("CREATE EXTENSION postgis SCHEMA public")
        conn.execute("SET ROLE plain_owner")
        conn.execute("CREATE SCHEMA gridcover")
        conn.execute("SET search_path = gridcover, public")
        conn.execute("CREATE TABLE migrations (number integer)")
        for migration in migrations():
            conn.execute(migration.sql.encode())
        conn.execute(
            "INSERT INTO grids (code, name, geometry) VALUES ('g', 'g', "
            "ST_Multi(ST_MakeEnvelope(118, 30, 119, 31, 4326)))"
        )
        conn.execute("SET ROLE gridcover_reader")
        assert conn.execute("SELECT count(*) FROM grids").fetchone() == (0,)
        set_scope(conn, ("*",))
        assert conn.execute("SELECT count(*) FROM grids").fetchone() == (1,)
