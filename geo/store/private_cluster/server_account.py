"""Commands and folders of the account that the server runs as."""

from __future__ import annotations

import contextlib
import os
import pwd
import stat
import subprocess
from pathlib import Path

from geo.errors import StoreError
from geo.store.private_cluster.location import Cluster


def run_as_server(cluster: Cluster, command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command as the account of the server and return its outcome.

    Parameters
    ----------
    cluster : Cluster
        The cluster.
    command : list of str
        Program and arguments.

    Returns
    -------
    subprocess.CompletedProcess
        With exit code and captured output; a failure raises nothing.
    """
    extra: dict[str, object] = {}
    if cluster.server_user is not None:
        account = pwd.getpwnam(cluster.server_user)
        extra = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    env = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
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


def make_server_folder(cluster: Cluster, path: Path) -> None:
    """Make a folder that only the account of the server can enter.

    Parameters
    ----------
    cluster : Cluster
        The cluster.
    path : pathlib.Path
        The folder; one that is there already is taken over from the caller's account.

    Raises
    ------
    StoreError
        If it belongs to another account.
    """
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


def prepare_folders(cluster: Cluster) -> None:
    """Make the data folder, the log folder and the socket folder of a cluster.

    Parameters
    ----------
    cluster : Cluster
        The cluster.

    Raises
    ------
    StoreError
        If a folder cannot be written, belongs to another account, or cannot be entered by the
        account of the server.
    """
    try:
        cluster.folder.mkdir(parents=True, exist_ok=True)
        if cluster.server_user is not None:
            cluster.folder.chmod(0o711)
        for path in (cluster.folder / "log", cluster.socket_dir):
            make_server_folder(cluster, path)
    except PermissionError as error:
        raise StoreError(
            f"cannot write {error.filename}; set GRIDCOVER_DATA_DIR to a folder of your own"
        ) from error
    if cluster.server_user is not None:
        entered = run_as_server(cluster, ["test", "-x", str(cluster.folder)])
        if entered.returncode:
            raise StoreError(
                f"the account {cluster.server_user}, which runs the server for root, cannot enter "
                f"{cluster.folder}; set GRIDCOVER_DATA_DIR to a folder such as /var/lib/gridcover"
            )
