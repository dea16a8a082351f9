"""Tests of hostile files in the reader, the command line and the service: refused, no effect."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from fastapi.testclient import TestClient

import geo
from geo.confinement import landlock, reading_process
from geo.confinement.fork_server import Ended, ForkServer
from geo.confinement.signatures import require_signature
from geo.errors import CrsError, ReadError
from geo.ingest.readers import read_file
from geo.settings import Settings
from geo.store.connection import connect
from service.app import create_app
from service.worker.job_process import safe_name
from tests.support.commands import CommandResult
from tests.support.hostile_files import CANARY, Hostile, corpus, endless, rasters
from tests.support.jobs import running_worker, wait_for_job
from tests.support.processes import all_ended, descendants
from tests.support.service import sign_in
from tests.support.waiting import wait_until

MEMORY_MB = 768
SECONDS = 120
LIMITS = Settings(import_memory_mb=MEMORY_MB, import_seconds=SECONDS)
SHARED_MB = 400
"""Memory of libraries and modules that the process shares with all others."""


@dataclass
class Server:
    """A server that records its connections."""

    address: str
    connections: list[Any] = field(default_factory=list)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        recorder = Server(f"http://127.0.0.1:{listener.getsockname()[1]}")

        def accept() -> None:
            while True:
                try:
                    connection, peer = listener.accept()
                except OSError:
                    return
                recorder.connections.append(peer)
                connection.close()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield recorder
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, server: Server) -> list[tuple[Path, Hostile]]:
    folder = tmp_path_factory.mktemp("hostile")
    canary = folder / "canary.csv"
    canary.write_text(f"code,name,lon,lat\n{CANARY},{CANARY},118.05,30.95\n")
    written = []
    for hostile in corpus(folder, canary, server.address):
        (folder / hostile.name).write_bytes(hostile.content)
        written.append((folder / hostile.name, hostile))
    assert len({path for path, _ in written}) == len(written)
    return written


def _without_duplicates(files: list[tuple[Path, Hostile]]) -> list[tuple[Path, Hostile]]:
    """Leave out the files that differ from others by the address alone."""
    return [
        (path, hostile) for path, hostile in files if not re.search("-(passwd|url)", hostile.name)
    ]


def _assert_harmless(text: str, server: Server) -> None:
    assert CANARY not in text
    assert "root:" not in text
    assert tempfile.gettempdir() + "/gridcover-" not in text
    assert not re.search(
        r"GDAL|OGR|sqlite3\.|Traceback|errno|vsicurl", text.replace("a GDAL command", "")
    )
    assert server.connections == []


def test_read_file_refuses_each_hostile_file(
    files: list[tuple[Path, Hostile]], server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes: list[Ended] = []
    call = ForkServer.call

    def recorded(self: ForkServer, *arguments: Any, **options: Any) -> Ended:
        outcomes.append(call(self, *arguments, **options))
        return outcomes[-1]

    monkeypatch.setattr(ForkServer, "call", recorded)
    unexpected = []
    for path, hostile in files:
        refusal = ""
        try:
            _assert_harmless(read_file(path, "cameras", settings=LIMITS).cells.to_csv(), server)
        except (ReadError, CrsError) as error:
            refusal = str(error)
        _assert_harmless(refusal, server)
        if not re.search(hostile.words, refusal) or (refusal and path.name not in refusal):
            unexpected.append((hostile.name, refusal))
    assert unexpected == []
    assert len(outcomes) > len(files) / 3
    assert max(outcome.peak_bytes for outcome in outcomes) < (MEMORY_MB + SHARED_MB) << 20


def test_read_file_stops_after_the_time_limit(
    run: Callable[..., CommandResult], tmp_path: Path
) -> None:
    hostile = endless(tmp_path)
    path = tmp_path / hostile.name
    path.write_bytes(hostile.content)
    with pytest.raises(ReadError, match="takes more than 2 s"):
        read_file(path, "cameras", settings=Settings(import_seconds=2))
    result = run("import", "cameras", str(path), GRIDCOVER_IMPORT_SECONDS="2")
    assert result.returncode == 1
    assert "takes more than 2 s to read" in result.stderr


@pytest.mark.deep
def test_import_command_refuses_each_hostile_file(
    run: Callable[..., CommandResult],
    files: list[tuple[Path, Hostile]],
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    limits = {
        "GRIDCOVER_IMPORT_MEMORY_MB": str(MEMORY_MB),
        "GRIDCOVER_IMPORT_SECONDS": str(SECONDS),
    }
    for path, hostile in _without_duplicates(files):
        result = run("import", "cameras", str(path), "--dry-run", "--json", **limits)
        reports = "".join(report.read_text() for report in tmp_path.glob("*.csv"))
        message = result.stderr.replace(str(path.parent), "")
        # The command names its store, which is in a folder of the test run.
        message = re.sub(r"/tmp/gridcover-test-\S+", "", message)
        _assert_harmless(result.stdout + message + reports, server)
        if hostile.words:
            assert result.returncode == 1, (hostile.name, result)
            assert "gridcover: " in result.stderr
        else:
            assert result.returncode in (0, 1, 3), (hostile.name, result)
            assert "Traceback" not in result.stderr


@pytest.mark.deep
def test_jobs_import_route_refuses_each_hostile_file(
    store: str, files: list[tuple[Path, Hostile]], server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRIDCOVER_IMPORT_MEMORY_MB", str(MEMORY_MB))
    monkeypatch.setenv("GRIDCOVER_IMPORT_SECONDS", str(SECONDS))
    names = [
        "..",
        ".",
        "a/../b.csv",
        "x" * 190 + ".csv",
        "\x01\x02.csv",
        " .csv",
        "report.csv",
        "名" * 100 + ".csv",
    ]
    valid = "code,lon,lat\n1,118.05,30.95\n"
    with (
        TestClient(create_app(store, Settings()), cookies=sign_in(store)) as client,
        running_worker(store) as process,
    ):
        job_ids = []
        for path, hostile in _without_duplicates(files):
            response = client.post(
                "/api/v1/jobs/import",
                params={"layer": "cameras", "name": path.name, "dry_run": True},
                content=path.read_bytes(),
            )
            if response.status_code == 413:
                continue
            assert response.status_code == 202, response.text
            job_ids.append((response.json()["id"], hostile))
        for name in names:
            response = client.post(
                "/api/v1/jobs/import",
                params={"layer": "cameras", "name": name, "dry_run": True},
                content=valid,
            )
            assert response.status_code in (202, 422), (name, response.text)
            if response.status_code == 202:
                job_ids.append(
                    (
                        response.json()["id"],
                        Hostile(name, b"", "unknown format" if name in ("..", ".") else ""),
                    )
                )
        assert len(job_ids) > len(_without_duplicates(files))
        for job, hostile in job_ids:
            finished = wait_for_job(client, job, "done", "failed")
            outcome = str(finished["outcome"])
            if hostile.words:
                assert finished["state"] == "failed", (hostile.name, finished)
                assert re.search(hostile.words, outcome), (hostile.name, outcome)
            assert finished["outcome"].get("reason") or finished["state"] == "done"
            _assert_harmless(outcome, server)
            if finished["has_report"]:
                _assert_harmless(client.get(f"/api/v1/jobs/{job}/report").text, server)
        # The worker still runs, has not grown and executes the next job.
        peak = next(
            line
            for line in Path(f"/proc/{process.pid}/status").read_text().splitlines()
            if "VmHWM" in line
        )
        assert int(peak.split()[1]) < 300 << 10
        last_job = client.post(
            "/api/v1/jobs/import?layer=cameras&name=a.csv", content=valid
        ).json()["id"]
        assert wait_for_job(client, last_job, "done", "failed")["state"] == "done"
    with connect(store) as conn:
        assert conn.execute("SELECT count(*) FROM cameras").fetchone() == (1,)


@pytest.mark.parametrize("file_format", ["gpkg", "shp", "geojson"])
def test_read_file_ignores_side_files(tmp_path: Path, file_format: str) -> None:
    """Files beside a layer that have the names of GDAL's side files are not read."""

    path = tmp_path / f"a.{file_format}"
    gpd.GeoDataFrame({"code": ["1"]}, geometry=[shapely.Point(118, 31)], crs=4326).to_file(path)
    for name in (
        "a.vrt",
        f"a.{file_format}.aux.xml",
        "a.qix",
        "a.xsd",
        "a.gfs",
        f"a.{file_format}.gz",
    ):
        (tmp_path / name).write_text(CANARY)
    assert read_file(path, "cameras").cells["code"].tolist() == ["1"]


def test_read_file_refuses_a_geopackage_in_use(tmp_path: Path) -> None:

    path = tmp_path / "a.gpkg"
    gpd.GeoDataFrame({"code": ["1"]}, geometry=[shapely.Point(118, 31)], crs=4326).to_file(path)
    (tmp_path / "a.gpkg-wal").write_bytes(b"")
    assert len(read_file(path, "cameras").cells) == 1
    (tmp_path / "a.gpkg-wal").write_bytes(b"something")
    with pytest.raises(ReadError, match="another program"):
        read_file(path, "cameras")


def test_read_terrain_accepts_geotiff_only(tmp_path: Path, server: Server) -> None:
    canary = tmp_path / "canary.tif"
    canary.write_text(CANARY)
    for hostile in rasters(tmp_path, canary, server.address):
        path = tmp_path / hostile.name
        path.write_bytes(hostile.content)
        with pytest.raises(ReadError, match=hostile.words) as error:
            geo.read_terrain(path, "EPSG:32650", settings=LIMITS)
        _assert_harmless(str(error.value), server)
    with pytest.raises(ReadError, match="does not exist"):
        geo.read_terrain(f"/vsicurl/{server.address}/x.tif", "EPSG:32650")


def test_read_terrain_refuses_a_huge_raster(tmp_path: Path) -> None:

    path = tmp_path / "huge.tif"
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=40_000,
        height=40_000,
        count=1,
        dtype="uint8",
        crs="EPSG:32650",
        transform=rasterio.transform.from_origin(500_000, 4_000_000, 1, 1),
        sparse_ok=True,
        tiled=True,
    ):
        pass
    with pytest.raises(ReadError, match="cells"):
        geo.read_terrain(path, "EPSG:32650", settings=LIMITS)


def attempts(path: Path, sink: Any, *, other: str, port: int, folder: str) -> None:
    """Try forbidden actions in the confined process and report those that succeeded."""

    def connect_tcp() -> None:
        socket.create_connection(("127.0.0.1", port), timeout=2)

    def connect_unix() -> None:
        socket.socket(socket.AF_UNIX).connect("/run/x")

    def reader(target: str) -> Callable[[], Any]:
        return lambda: Path(target).read_bytes()

    def read_in_thread() -> None:
        thread = threading.Thread(target=lambda: contents.append(Path(other).read_bytes()))
        contents: list[bytes] = []
        threading.excepthook = lambda _: None
        thread.start()
        thread.join()
        if not contents:
            raise PermissionError

    actions: dict[str, Callable[[], Any]] = {
        "own": reader(str(path)),
        "other": reader(other),
        "passwd": reader("/etc/passwd"),
        "proc": reader("/proc/1/environ"),
        "list": lambda: list(Path(folder).iterdir()),
        "write": lambda: Path(other).write_text("x"),
        "make": lambda: (Path(folder) / "made").write_text("x"),
        "overwrite": lambda: path.write_text("x"),
        "tcp": connect_tcp,
        "socket": connect_unix,
        "fork": os.fork,
        "run": lambda: os.execv("/bin/true", ["true"]),
        "kill": lambda: os.kill(os.getppid(), 0),
        "memory": lambda: bytearray(2 << 30),
        "thread": read_in_thread,
        "scratch": lambda: (Path(tempfile.gettempdir()) / "x").write_text("x"),
        "core": lambda: (
            ctypes.CDLL(None).ptrace(0, 0, 0, 0) and (_ for _ in ()).throw(PermissionError)
        ),
    }
    succeeded = []
    for name, attempt in actions.items():
        try:
            attempt()
        except (OSError, MemoryError):
            continue
        succeeded.append(name)
    secrets = [name for name in os.environ if name.startswith(("GRIDCOVER", "SECRET"))]
    raise ReadError(f"did {' '.join(succeeded)}; knows {secrets}")


def test_run_confined_permits_own_file_and_scratch_only(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    if landlock.version() < 1:
        pytest.skip("this kernel has no Landlock")
    monkeypatch.setenv("SECRET_OF_THE_SERVICE", "x")
    monkeypatch.setattr(
        reading_process,
        "_server",
        ForkServer(["geo.confinement.reading_process", "pyarrow"], reading_process.environment()),
    )
    path, other = tmp_path / "own.csv", tmp_path / "other.csv"
    path.write_text("x")
    other.write_text(CANARY)
    port = int(server.address.rpartition(":")[2])
    with pytest.raises(ReadError) as error:
        reading_process.run_confined(
            "tests.geo.test_hostile_files:attempts",
            path,
            {"other": str(other), "port": port, "folder": str(tmp_path)},
            settings=LIMITS,
        )
    reading_process._server.stop()
    assert str(error.value) == "did own scratch; knows []"
    assert server.connections == []


def test_require_signature_of_openstreetmap_files(tmp_path: Path) -> None:
    path = tmp_path / "a.osm.pbf"
    path.write_bytes(b"\0\0\0\x0d\x0a\x09OSMHeader\x18\x7c")
    assert require_signature(path, ".osm.pbf").name == "OpenStreetMap PBF"
    path.write_bytes(b"<?xml version='1.0'?><osm version='0.6'>")
    assert require_signature(path, ".osm").name == "OpenStreetMap XML"
    for content in (b"", b"<?xml?><!DOCTYPE osm [<!ENTITY a 'b'>]><osm>", b"PK\3\4", b"<html>"):
        path.write_bytes(content)
        for suffix in (".osm", ".osm.pbf"):
            with pytest.raises(ReadError, match="cannot be read"):
                require_signature(path, suffix)


def test_safe_name_of_uploaded_files() -> None:
    for sent, safe in {
        "..": "upload",
        ".": "upload",
        "": "upload",
        "a/../b.csv": "b.csv",
        "..\\c.csv": "c.csv",
        "d\0.csv": "d.csv",
        "e\n.csv": "e_.csv",
        "表格 1.csv": "表格 1.csv",
        "/": "upload",
        "f.tar.csv.gz": "f.tar.csv.gz",
        "\ud800.csv": "_.csv",
        "." * 300: "upload",
    }.items():
        assert safe_name(sent) == safe
    long = safe_name("名" * 300 + ".csv")
    assert len(long.encode()) <= 200
    assert long.endswith("名.csv")


def sleep_long(path: Path, sink: Any) -> None:
    """Sleep, for a test that ends the waiting process."""
    time.sleep(600)


def test_run_confined_processes_end_with_their_parent(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("x")
    code = (
        "import sys; from pathlib import Path; "
        "from geo.confinement.reading_process import run_confined; "
        "from geo.settings import Settings; "
        "run_confined('tests.geo.test_hostile_files:sleep_long', Path(sys.argv[1]), {}, "
        "settings=Settings())"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], env={**os.environ, "PYTHONPATH": str(Path.cwd())}
    )

    def started_children() -> set[int]:
        assert process.poll() is None
        pids = descendants(process.pid)
        return pids if len(pids) >= 2 else set()

    child_pids = wait_until(started_children, within_s=120)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert all_ended(child_pids)


def test_read_file_replaces_a_killed_reading_process(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("code,lon,lat\n1,118,31\n")
    assert len(read_file(path, "cameras").cells) == 1
    first = reading_process._server._process
    assert first is not None
    first.kill()
    first.wait()
    assert len(read_file(path, "cameras").cells) == 1
    second = reading_process._server._process
    assert second is not None
    assert second.pid != first.pid


def test_read_file_from_many_threads(tmp_path: Path) -> None:
    counts = np.zeros(8, int)

    def read(index: int) -> None:
        path = tmp_path / f"{index}.csv"
        path.write_text("code,lon,lat\n" + f"{index},118,31\n" * (index + 1))
        counts[index] = len(read_file(path, "cameras").cells)

    threads = [threading.Thread(target=read, args=(index,)) for index in range(len(counts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts.tolist() == list(range(1, 9))
