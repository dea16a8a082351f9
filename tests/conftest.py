"""One private cluster for the whole run, a database of its own for each test that writes."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import hypothesis
import psycopg
import pytest

from geo.demo import load_demo
from geo.pipeline import refresh_all
from geo.settings import Settings, get_settings
from geo.store import private_cluster
from geo.store.backup import backup, restore
from geo.store.connection import connect
from geo.store.migration import migrate
from service.commands import main
from tests.support.commands import Command, CommandResult
from tests.support.service import numbers
from tests.support.shared_data import SHARED

# An example may take as long as it needs: no test depends on the machine's speed.
hypothesis.settings.register_profile(
    "gridcover", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("gridcover")

_WITHOUT_DURABILITY = (
    "fsync = off",
    "full_page_writes = off",
    "synchronous_commit = off",
    "checkpoint_timeout = '1h'",
    "max_wal_size = '8GB'",
)
"""Settings of a server whose data need not survive it."""


@pytest.fixture(scope="session", autouse=True)
def _audit_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Write the heads of audit logs to a folder of the run, not to that of the machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRIDCOVER_AUDIT_DIR", str(tmp_path_factory.mktemp("audit")))
        yield


@pytest.fixture(scope="session")
def open_folder() -> Iterator[Path]:
    """Return a folder that the account of the server can enter, unlike those of pytest for root."""
    folder = Path(tempfile.mkdtemp(prefix="gridcover-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def private(open_folder: Path) -> Iterator[private_cluster.Cluster]:
    """Return the private cluster of the run."""
    with private_cluster.running(open_folder / "main") as cluster:
        with psycopg.connect(cluster.conninfo, autocommit=True) as conn:
            # Its folder is deleted at the end, and no test kills this server during a write.
            for setting in _WITHOUT_DURABILITY:
                conn.execute(f"ALTER SYSTEM SET {setting}".encode())
            conn.execute("SELECT pg_reload_conf()")
        yield cluster
        # An ordinary shutdown would write the databases to disk first.
        private_cluster.pg_ctl(cluster, "-m", "immediate", "stop")


def _create_database(
    private: private_cluster.Cluster, name: str, template: str = "template0"
) -> str:
    with psycopg.connect(private.conninfo, autocommit=True) as conn:
        conn.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    return private.conninfo.replace("dbname=gridcover", f"dbname={name}")


@contextmanager
def _temporary_database(
    private: private_cluster.Cluster, name: str, template: str = "template0"
) -> Iterator[str]:
    yield _create_database(private, name, template)
    with psycopg.connect(private.conninfo, autocommit=True) as conn:
        conn.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def bare(private: private_cluster.Cluster) -> Iterator[str]:
    """An empty database."""
    with _temporary_database(private, f"bare_{next(numbers)}") as conninfo:
        yield conninfo


@pytest.fixture(scope="session")
def _migrated(private: private_cluster.Cluster) -> str:
    migrate(_create_database(private, "migrated"))
    return "migrated"


@pytest.fixture
def store(private: private_cluster.Cluster, _migrated: str) -> Iterator[str]:
    """A migrated database without rows."""
    with _temporary_database(private, f"store_{next(numbers)}", _migrated) as conninfo:
        yield conninfo


@pytest.fixture(scope="session")
def demo_store(
    private: private_cluster.Cluster, open_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """Return a database with the demo district, loaded and refreshed; tests only read it.

    One process of the run makes it, the others restore its dump.
    """
    conninfo = _create_database(private, "demo")
    if "PYTEST_XDIST_WORKER" not in os.environ:
        _make_demo(conninfo)
        return conninfo
    shared = tmp_path_factory.getbasetemp().parent
    dump, settings = shared / "demo.dump", Settings(data_dir=open_folder / "main")
    with (shared / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not dump.exists():
            _make_demo(conninfo)
            backup(conninfo, dump, settings)
            return conninfo
    restore(conninfo, dump, settings)
    return conninfo


def _make_demo(conninfo: str) -> None:
    migrate(conninfo)
    with connect(conninfo) as conn:
        load_demo(conn)
        refresh_all(conn, get_settings())


@pytest.fixture
def settings() -> Settings:
    """The default settings."""
    return Settings()


@pytest.fixture(autouse=True)
def _fresh_settings() -> Iterator[None]:
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


@pytest.fixture(scope="session")
def baltimore() -> Path:
    """Return the folder of real layers of Baltimore, if present."""
    folder = SHARED / "data" / "baltimore"
    if not folder.is_dir():
        pytest.skip("the shared data are not here")
    return folder


@pytest.fixture(scope="session")
def odd_files() -> Path:
    """Return the folder of irregular files, if present."""
    folder = SHARED / "data" / "odd_files"
    if not folder.is_dir():
        pytest.skip("the shared data are not here")
    return folder


@pytest.fixture
def run(
    store: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., CommandResult]:
    """`gridcover` against the test's database, in this process; `env` beside the arguments."""
    monkeypatch.setenv("GRIDCOVER_DATABASE_URL", store)

    def call(*arguments: str, **env: str) -> CommandResult:
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        get_settings.cache_clear()
        monkeypatch.setattr("sys.argv", ["gridcover", *arguments])
        capsys.readouterr()
        before = [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGHUP)]
        code = 0
        try:
            main()
        except SystemExit as error:
            code = int(error.code or 0)
        finally:
            for number, handler in zip((signal.SIGTERM, signal.SIGHUP), before, strict=True):
                signal.signal(number, handler)
        printed = capsys.readouterr()
        # Messages are wrapped to the width of the terminal.
        return CommandResult(code, printed.out, " ".join(printed.err.split()))

    return call


@pytest.fixture
def command(store: str) -> Command:
    """The command line against the test's database."""
    python = str(Path(__file__).parents[1] / ".venv" / "bin" / "gridcover")
    return Command(python, {**os.environ, "GRIDCOVER_DATABASE_URL": store})
