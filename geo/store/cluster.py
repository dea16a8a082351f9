"""The private PostGIS cluster: made, started, shared and stopped without a hand."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import logging
import os
import pwd
import shutil
import stat
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psycopg

from geo.errors import StoreError

SOCKET_LIMIT = 107
_SOCKET_NAME = ".s.PGSQL.5432"
_MINIMUM = 14
DATABASE = "gridcover"
ROLE = "gridcover"
_log = logging.getLogger("gridcover.cluster")


@dataclass(frozen=True)
class Cluster:
    """Where a private cluster lives and who runs it."""

    folder: Path
    bin_dir: Path
    socket_dir: Path
    server_user: str | None
    """The account the server runs as when started by root; None for the caller's own."""

    @property
    def data(self) -> Path:
        """PGDATA."""
        return self.folder / "pg"

    @property
    def log(self) -> Path:
        """The server's log file."""
        return self.folder / "log" / "postgres.log"

    @property
    def conninfo(self) -> str:
        """How libpq reaches the database."""
        return self._conninfo(DATABASE)

    @property
    def maintenance(self) -> str:
        """How libpq reaches the server before the database is there."""
        return self._conninfo("postgres")

    def _conninfo(self, database: str) -> str:
        return f"host='{self.socket_dir}' user={ROLE} dbname={database}"


def find_cluster(folder: Path) -> Cluster:
    """Choose programs, socket folder and account for a data folder.

    Raises
    ------
    StoreError : no PostgreSQL 14 or newer with PostGIS is installed.
    """
    folder = folder.expanduser().absolute()
    version_file = folder / "pg" / "PG_VERSION"
    wanted: int | None = None
    with contextlib.suppress(OSError, ValueError):
        wanted = int(version_file.read_text())
    return Cluster(folder, _find_programs(wanted), _socket_dir(folder), _server_user())


def _find_programs(wanted: int | None) -> Path:
    given = os.environ.get("GRIDCOVER_PG_BIN")
    if given:
        return Path(given)
    found: dict[int, Path] = {}
    for path in Path("/usr/lib/postgresql").glob("*/bin/postgres"):
        with contextlib.suppress(ValueError):
            found[int(path.parts[-3])] = path.parent
    on_path = shutil.which("initdb")
    if on_path and not found:
        return Path(on_path).parent
    usable = {v: p for v, p in found.items() if v >= _MINIMUM and (p / "initdb").exists()}
    if wanted is not None:
        if wanted not in usable:
            raise StoreError(
                f"the data folder was made by PostgreSQL {wanted}, which is not installed; "
                f"install postgresql-{wanted}, or dump it there and restore it here"
            )
        return usable[wanted]
    with_postgis = [
        v for v in usable if Path(f"/usr/share/postgresql/{v}/extension/postgis.control").exists()
    ]
    if not with_postgis:
        raise StoreError(
            "PostgreSQL 14 or newer with PostGIS is not installed; run scripts/setup.sh "
            "(or: apt-get install postgresql postgresql-postgis), or set GRIDCOVER_DATABASE_URL"
        )
    return usable[max(with_postgis)]


def _server_user() -> str | None:
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise StoreError("root cannot run PostgreSQL, and there is no account postgres or nobody")


def _socket_dir(folder: Path) -> Path:
    """A folder whose socket path fits into 107 bytes; always the same for one data folder."""
    inside = folder / "run"
    if len(os.fsencode(inside / _SOCKET_NAME)) <= SOCKET_LIMIT:
        return inside
    tag = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    base = Path("/run") if os.geteuid() == 0 and os.access("/run", os.W_OK) else Path("/tmp")  # noqa: S108
    return base / f"gridcover-{os.geteuid()}-{tag}"


def _as_server(cluster: Cluster, command: list[str]) -> subprocess.CompletedProcess[str]:
    extra: dict[str, object] = {}
    if cluster.server_user is not None:
        account = pwd.getpwnam(cluster.server_user)
        extra = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    env = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
    env |= {"LC_ALL": "C.UTF-8", "HOME": "/"}
    return subprocess.run(  # type: ignore[call-overload]
        command,
        cwd="/",
        env=env,
        text=True,
        capture_output=True,
        check=False,
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        **extra,
    )


def pg_ctl(cluster: Cluster, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run pg_ctl on the cluster as the account that owns it, waiting and quiet."""
    program = str(cluster.bin_dir / "pg_ctl")
    return _as_server(cluster, [program, "-D", str(cluster.data), "-w", "-s", *arguments])


def _own(cluster: Cluster, path: Path) -> None:
    """Make a folder of the server's own, refusing one that belongs to somebody else."""
    uid = os.geteuid()
    gid = os.getegid()
    if cluster.server_user is not None:
        account = pwd.getpwnam(cluster.server_user)
        uid, gid = account.pw_uid, account.pw_gid
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
    info = path.lstat()
    if not stat.S_ISDIR(info.st_mode) or info.st_uid not in (uid, os.geteuid()):
        raise StoreError(f"{path} belongs to another account; remove it or set GRIDCOVER_DATA_DIR")
    if info.st_uid != uid:
        os.chown(path, uid, gid)
    path.chmod(0o700)


def _prepare(cluster: Cluster) -> None:
    try:
        cluster.folder.mkdir(parents=True, exist_ok=True)
        if cluster.server_user is not None:
            cluster.folder.chmod(0o711)
        for path in (cluster.folder / "log", cluster.socket_dir):
            _own(cluster, path)
    except PermissionError as error:
        raise StoreError(
            f"cannot write {error.filename}; set GRIDCOVER_DATA_DIR to a folder of your own"
        ) from error
    if cluster.server_user is not None:
        entered = _as_server(cluster, ["test", "-x", str(cluster.folder)])
        if entered.returncode:
            raise StoreError(
                f"the account {cluster.server_user}, which runs the server for root, cannot enter "
                f"{cluster.folder}; set GRIDCOVER_DATA_DIR to a folder such as /var/lib/gridcover"
            )


@contextlib.contextmanager
def _locked(path: Path, how: int) -> Iterator[IO[str]]:
    with path.open("a") as handle:
        fcntl.flock(handle, how)
        yield handle


def initialise(cluster: Cluster) -> bool:
    """Make the cluster where there is none; True if it was made now.

    Raises
    ------
    StoreError : initdb failed; its own words are in the message.
    """
    _prepare(cluster)
    if (cluster.data / "PG_VERSION").exists():
        return False
    if cluster.data.exists() and any(cluster.data.iterdir()):
        raise StoreError(f"{cluster.data} is not empty and holds no cluster; move it away first")
    for stale in cluster.folder.glob("pg.new-*"):
        shutil.rmtree(stale)
    fresh = cluster.folder / f"pg.new-{os.getpid()}"
    _own(cluster, fresh)
    made = _as_server(
        cluster,
        [
            str(cluster.bin_dir / "initdb"),
            "-D",
            str(fresh),
            "-U",
            ROLE,
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--auth-local=peer",
            "--auth-host=reject",
            "--no-instructions",
        ],
    )
    if made.returncode:
        shutil.rmtree(fresh, ignore_errors=True)
        raise StoreError(f"initdb failed: {made.stderr.strip() or made.stdout.strip()}")
    users = {"root", pwd.getpwuid(os.geteuid()).pw_name, cluster.server_user or "root"}
    quoted = str(cluster.socket_dir).replace("'", "''")
    (fresh / "pg_hba.conf").write_text("local all all peer map=gridcover\n")
    (fresh / "pg_ident.conf").write_text(
        "".join(f'gridcover "{u}" {ROLE}\n' for u in sorted(users))
    )
    with (fresh / "postgresql.conf").open("a") as conf:
        conf.write(
            "\n# gridcover\nlisten_addresses = ''\nport = 5432\n"
            f"unix_socket_directories = '{quoted}'\nunix_socket_permissions = 0700\n"
            "max_connections = 60\nshared_buffers = 256MB\nwork_mem = 32MB\n"
            "maintenance_work_mem = 256MB\nmax_wal_size = 2GB\njit = off\n"
            "timezone = 'UTC'\nlog_timezone = 'UTC'\n"
        )
    fresh.rename(cluster.data)
    return True


def is_running(cluster: Cluster) -> bool:
    """Whether the server answers on its socket."""
    try:
        with psycopg.connect(cluster.maintenance, connect_timeout=5):
            return True
    except psycopg.OperationalError as error:
        return "starting up" in str(error) and _wait(cluster)


def _wait(cluster: Cluster) -> bool:
    for _ in range(300):
        done = _as_server(
            cluster, [str(cluster.bin_dir / "pg_isready"), "-q", "-h", str(cluster.socket_dir)]
        )
        if done.returncode == 0:
            return True
        time.sleep(0.2)
    return False


def _drop_foreign_pid(cluster: Cluster) -> None:
    """After a crash the number in postmaster.pid may belong to a stranger by now."""
    pid_file = cluster.data / "postmaster.pid"
    try:
        pid = int(pid_file.read_text().splitlines()[0])
        name = Path(f"/proc/{pid}/comm").read_text().strip()
    except (OSError, ValueError, IndexError):
        return
    if "postgres" not in name:
        pid_file.unlink(missing_ok=True)


def start(cluster: Cluster, *, patience_s: float = 30.0) -> bool:
    """Start the server unless it runs; True if it was started now. Makes the cluster if needed.

    Parameters
    ----------
    patience_s : for how long a start that fails is tried again.

    Raises
    ------
    StoreError : it does not start; the end of its log is in the message.
    """
    _prepare(cluster)
    with _locked(cluster.folder / "start.lock", fcntl.LOCK_EX):
        initialise(cluster)
        if is_running(cluster):
            return False
        _drop_foreign_pid(cluster)
        deadline = time.monotonic() + patience_s
        while True:
            # Where the socket is may have moved with the folder: say it on every start.
            options = f"-c unix_socket_directories={_shell(str(cluster.socket_dir))}"
            done = pg_ctl(cluster, "-t", "60", "-l", str(cluster.log), "-o", options, "start")
            if done.returncode == 0:
                break
            # Children of a killed server may hold its memory for a moment.
            if time.monotonic() > deadline:
                tail = (
                    cluster.log.read_text(errors="replace")[-800:] if cluster.log.exists() else ""
                )
                raise StoreError(f"PostgreSQL does not start: {done.stderr.strip()}\n{tail}")
            time.sleep(0.5)
        _create_database(cluster)
    return True


def _shell(path: str) -> str:
    return "'" + path.replace("'", "'\\''") + "'"


def _create_database(cluster: Cluster) -> None:
    with psycopg.connect(cluster.maintenance, autocommit=True) as conn:
        there = conn.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone()
        if there is None:
            conn.execute(f"CREATE DATABASE {DATABASE} TEMPLATE template0 ENCODING 'UTF8'")


def stop(cluster: Cluster) -> bool:
    """Stop the server (fast mode); False if it did not run."""
    if not (cluster.data / "postmaster.pid").exists():
        return False
    return pg_ctl(cluster, "-m", "fast", "stop").returncode == 0


@contextlib.contextmanager
def running(folder: Path, *, tended: bool = False) -> Iterator[Cluster]:
    """Use the cluster of a folder: started if needed, shared with others, stopped by the last.

    Every user holds a shared lock; whoever can have it alone on leaving is the last. A cluster
    that `gridcover db start` started is marked to stay.

    Parameters
    ----------
    tended : start the server again whenever it went down by itself, as one does whose disk was full.
    """
    cluster = find_cluster(folder)
    _prepare(cluster)
    users = cluster.folder / "users.lock"
    with users.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_SH)
        start(cluster)
        ended = threading.Event()
        keeper = threading.Thread(target=_tend, args=(cluster, ended), name="cluster", daemon=True)
        if tended:
            keeper.start()
        try:
            yield cluster
        finally:
            ended.set()
            if tended:
                keeper.join(60)
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if not keep_mark(cluster).exists():
                    stop(cluster)


def _tend(cluster: Cluster, ended: threading.Event) -> None:
    while not ended.wait(2.0):
        if _alive(cluster) or _shut_down(cluster):
            continue
        _log.warning("the database went down; it is started again")
        try:
            start(cluster, patience_s=0)
        except (StoreError, OSError, psycopg.Error) as error:
            _log.warning("%s", error)


def _alive(cluster: Cluster) -> bool:
    try:
        pid = int((cluster.data / "postmaster.pid").read_text().splitlines()[0])
        return "postgres" in Path(f"/proc/{pid}/comm").read_text()
    except (OSError, ValueError, IndexError):
        return False


def _shut_down(cluster: Cluster) -> bool:
    """Whether it was stopped on purpose, and so should not run."""
    told = _as_server(
        cluster, [str(cluster.bin_dir / "pg_controldata"), "-D", str(cluster.data)]
    ).stdout
    return any(line.startswith("Database cluster state:") and line.endswith("shut down")
               for line in told.splitlines())  # fmt: skip


def keep_mark(cluster: Cluster) -> Path:
    """The file that says: leave the server running when the last user goes."""
    return cluster.folder / "keep-running"
