"""Hostile files through the reader, the command line and the service: a refusal of ours, and nothing else."""

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
"""Of libraries and modules that the process has in common with all others."""


@dataclass
class Server:
    """A server that counts who connects to it."""

    address: str
    connections: list[Any] = field(default_factory=list)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        found = Server(f"http://127.0.0.1:{listener.getsockname()[1]}")

        def accept() -> None:
            while True:
                try:
                    connection, who = listener.accept()
                except OSError:
                    return
                found.connections.append(who)
                connection.close()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield found
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, server: Server) -> list[tuple[Path, Hostile]]:
    folder = tmp_path_factory.mktemp("hostile")
    canary = folder / "canary.csv"
    canary.write_text(f"code,name,lon,lat\n{CANARY},{CANARY},118.05,30.95\n")
    out = []
    for one in corpus(folder, canary, server.address):
        (folder / one.name).write_bytes(one.content)
        out.append((folder / one.name, one))
    assert len({path for path, _ in out}) == len(out)
    return out


def _fewer(files: list[tuple[Path, Hostile]]) -> list[tuple[Path, Hostile]]:
    """Leave out the references that differ from others by their address alone."""
    return [(path, one) for path, one in files if not re.search("-(passwd|url)", one.name)]


def _harmless(text: str, server: Server) -> None:
    assert CANARY not in text
    assert "root:" not in text
    assert tempfile.gettempdir() + "/gridcover-" not in text
    assert not re.search(
        r"GDAL|OGR|sqlite3\.|Traceback|errno|vsicurl", text.replace("a GDAL command", "")
    )
    assert server.connections == []


def test_each_hostile_file_is_refused_by_the_reader(
    files: list[tuple[Path, Hostile]], server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends: list[Ended] = []
    call = ForkServer.call

    def noted(self: ForkServer, *arguments: Any, **options: Any) -> Ended:
        ends.append(call(self, *arguments, **options))
        return ends[-1]

    monkeypatch.setattr(ForkServer, "call", noted)
    wrong = []
    for path, one in files:
        refusal = ""
        try:
            _harmless(read_file(path, "cameras", settings=LIMITS).cells.to_csv(), server)
        except (ReadError, CrsError) as error:
            refusal = str(error)
        _harmless(refusal, server)
        if not re.search(one.words, refusal) or (refusal and path.name not in refusal):
            wrong.append((one.name, refusal))
    assert wrong == []
    assert len(ends) > len(files) / 3
    assert max(ended.peak_bytes for ended in ends) < (MEMORY_MB + SHARED_MB) << 20


def test_reading_that_never_ends_is_ended(
    run: Callable[..., CommandResult], tmp_path: Path
) -> None:
    one = endless(tmp_path)
    path = tmp_path / one.name
    path.write_bytes(one.content)
    with pytest.raises(ReadError, match="takes more than 2 s"):
        read_file(path, "cameras", settings=Settings(import_seconds=2))
    told = run("import", "cameras", str(path), GRIDCOVER_IMPORT_SECONDS="2")
    assert told.returncode == 1
    assert "takes more than 2 s to read" in told.stderr


@pytest.mark.deep
def test_each_hostile_file_by_the_command_line(
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
    for path, one in _fewer(files):
        told = run("import", "cameras", str(path), "--dry-run", "--json", **limits)
        reports = "".join(report.read_text() for report in tmp_path.glob("*.csv"))
        said = told.stderr.replace(str(path.parent), "")
        # The command names its store, which is in a folder of the test run.
        said = re.sub(r"/tmp/gridcover-test-\S+", "", said)
        _harmless(told.stdout + said + reports, server)
        if one.words:
            assert told.returncode == 1, (one.name, told)
            assert "gridcover: " in told.stderr
        else:
            assert told.returncode in (0, 1, 3), (one.name, told)
            assert "Traceback" not in told.stderr


@pytest.mark.deep
def test_each_hostile_file_through_the_service(
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
    good = "code,lon,lat\n1,118.05,30.95\n"
    with (
        TestClient(create_app(store, Settings()), cookies=sign_in(store)) as client,
        running_worker(store) as process,
    ):
        asked = []
        for path, one in _fewer(files):
            answer = client.post(
                "/api/v1/jobs/import",
                params={"layer": "cameras", "name": path.name, "dry_run": True},
                content=path.read_bytes(),
            )
            if answer.status_code == 413:
                continue
            assert answer.status_code == 202, answer.text
            asked.append((answer.json()["id"], one))
        for name in names:
            answer = client.post(
                "/api/v1/jobs/import",
                params={"layer": "cameras", "name": name, "dry_run": True},
                content=good,
            )
            assert answer.status_code in (202, 422), (name, answer.text)
            if answer.status_code == 202:
                asked.append(
                    (
                        answer.json()["id"],
                        Hostile(name, b"", "unknown format" if name in ("..", ".") else ""),
                    )
                )
        assert len(asked) > len(_fewer(files))
        for job, one in asked:
            ended = wait_for_job(client, job, "done", "failed")
            told = str(ended["outcome"])
            if one.words:
                assert ended["state"] == "failed", (one.name, ended)
                assert re.search(one.words, told), (one.name, told)
            assert ended["outcome"].get("reason") or ended["state"] == "done"
            _harmless(told, server)
            if ended["has_report"]:
                _harmless(client.get(f"/api/v1/jobs/{job}/report").text, server)
        # The worker lives, is as small as before, and does the next job.
        peak = next(
            line
            for line in Path(f"/proc/{process.pid}/status").read_text().splitlines()
            if "VmHWM" in line
        )
        assert int(peak.split()[1]) < 300 << 10
        last = client.post("/api/v1/jobs/import?layer=cameras&name=a.csv", content=good).json()[
            "id"
        ]
        assert wait_for_job(client, last, "done", "failed")["state"] == "done"
    with connect(store) as conn:
        assert conn.execute("SELECT count(*) FROM cameras").fetchone() == (1,)


@pytest.mark.parametrize("place", ["gpkg", "shp", "geojson"])
def test_a_real_file_with_hostile_ones_beside_it(tmp_path: Path, place: str) -> None:
    """What lies beside a file under the names that GDAL looks for is not read."""

    path = tmp_path / f"a.{place}"
    gpd.GeoDataFrame({"code": ["1"]}, geometry=[shapely.Point(118, 31)], crs=4326).to_file(path)
    for name in ("a.vrt", f"a.{place}.aux.xml", "a.qix", "a.xsd", "a.gfs", f"a.{place}.gz"):
        (tmp_path / name).write_text(CANARY)
    assert read_file(path, "cameras").cells["code"].tolist() == ["1"]


def test_a_geopackage_that_is_being_written_to_is_refused(tmp_path: Path) -> None:

    path = tmp_path / "a.gpkg"
    gpd.GeoDataFrame({"code": ["1"]}, geometry=[shapely.Point(118, 31)], crs=4326).to_file(path)
    (tmp_path / "a.gpkg-wal").write_bytes(b"")
    assert len(read_file(path, "cameras").cells) == 1
    (tmp_path / "a.gpkg-wal").write_bytes(b"something")
    with pytest.raises(ReadError, match="another program"):
        read_file(path, "cameras")


def test_elevation_is_read_from_a_geotiff_alone(tmp_path: Path, server: Server) -> None:
    canary = tmp_path / "canary.tif"
    canary.write_text(CANARY)
    for one in rasters(tmp_path, canary, server.address):
        path = tmp_path / one.name
        path.write_bytes(one.content)
        with pytest.raises(ReadError, match=one.words) as caught:
            geo.read_terrain(path, "EPSG:32650", settings=LIMITS)
        _harmless(str(caught.value), server)
    with pytest.raises(ReadError, match="does not exist"):
        geo.read_terrain(f"/vsicurl/{server.address}/x.tif", "EPSG:32650")


def test_a_huge_raster_is_refused(tmp_path: Path) -> None:

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
    """Try, in the confined process, what it may not; say what succeeded."""

    def connects() -> None:
        socket.create_connection(("127.0.0.1", port), timeout=2)

    def local() -> None:
        socket.socket(socket.AF_UNIX).connect("/run/x")

    def reads(what: str) -> Callable[[], Any]:
        return lambda: Path(what).read_bytes()

    def threads() -> None:
        thread = threading.Thread(target=lambda: seen.append(Path(other).read_bytes()))
        seen: list[bytes] = []
        threading.excepthook = lambda _: None
        thread.start()
        thread.join()
        if not seen:
            raise PermissionError

    tries: dict[str, Callable[[], Any]] = {
        "own": reads(str(path)),
        "other": reads(other),
        "passwd": reads("/etc/passwd"),
        "proc": reads("/proc/1/environ"),
        "list": lambda: list(Path(folder).iterdir()),
        "write": lambda: Path(other).write_text("x"),
        "make": lambda: (Path(folder) / "made").write_text("x"),
        "overwrite": lambda: path.write_text("x"),
        "tcp": connects,
        "socket": local,
        "fork": os.fork,
        "run": lambda: os.execv("/bin/true", ["true"]),
        "kill": lambda: os.kill(os.getppid(), 0),
        "memory": lambda: bytearray(2 << 30),
        "thread": threads,
        "scratch": lambda: (Path(tempfile.gettempdir()) / "x").write_text("x"),
        "core": lambda: (
            ctypes.CDLL(None).ptrace(0, 0, 0, 0) and (_ for _ in ()).throw(PermissionError)
        ),
    }
    done = []
    for name, attempt in tries.items():
        try:
            attempt()
        except (OSError, MemoryError):
            continue
        done.append(name)
    secrets = [name for name in os.environ if name.startswith(("GRIDCOVER", "SECRET"))]
    raise ReadError(f"did {' '.join(done)}; knows {secrets}")


def test_what_a_confined_process_can_do(
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
    with pytest.raises(ReadError) as caught:
        reading_process.run_confined(
            "tests.geo.test_hostile_files:attempts",
            path,
            {"other": str(other), "port": port, "folder": str(tmp_path)},
            settings=LIMITS,
        )
    reading_process._server.stop()
    assert str(caught.value) == "did own scratch; knows []"
    assert server.connections == []


def test_signatures_that_other_readers_ask_for(tmp_path: Path) -> None:
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


def test_names_of_files_that_are_sent() -> None:
    for given, safe in {
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
        assert safe_name(given) == safe
    long = safe_name("名" * 300 + ".csv")
    assert len(long.encode()) <= 200
    assert long.endswith("名.csv")


def sleep_long(path: Path, sink: Any) -> None:
    """Stay, for a test that ends whoever waits."""
    time.sleep(600)


def test_no_process_outlives_whoever_asked_for_it(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("x")
    code = (
        "import sys; from pathlib import Path; from geo.confinement.reading_process import run_confined; "
        "from geo.settings import Settings; "
        "run_confined('tests.geo.test_hostile_files:sleep_long', Path(sys.argv[1]), {}, settings=Settings())"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], env={**os.environ, "PYTHONPATH": str(Path.cwd())}
    )

    def started() -> set[int]:
        assert process.poll() is None
        pids = descendants(process.pid)
        return pids if len(pids) >= 2 else set()

    found = wait_until(started, within_s=120)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert all_ended(found)


def test_a_reading_process_that_is_killed_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("code,lon,lat\n1,118,31\n")
    assert len(read_file(path, "cameras").cells) == 1
    first = reading_process._server._process
    assert first is not None
    first.kill()
    first.wait()
    assert len(read_file(path, "cameras").cells) == 1
    again = reading_process._server._process
    assert again is not None
    assert again.pid != first.pid


def test_files_are_read_by_many_threads_at_once(tmp_path: Path) -> None:
    counts = np.zeros(8, int)

    def read(k: int) -> None:
        path = tmp_path / f"{k}.csv"
        path.write_text("code,lon,lat\n" + f"{k},118,31\n" * (k + 1))
        counts[k] = len(read_file(path, "cameras").cells)

    threads = [threading.Thread(target=read, args=(k,)) for k in range(len(counts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts.tolist() == list(range(1, 9))
