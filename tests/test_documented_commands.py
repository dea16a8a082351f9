"""Commands of the documentation run as written, on small files."""

from __future__ import annotations

import re
import select
import shlex
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import pandas as pd
import psycopg
import pytest
import shapely

from geo.crs import gcj02_from_wgs84
from tests.support.commands import Command, CommandResult
from tests.support.processes import accept_interrupts

ROOT = Path(__file__).parents[1]
PROGRAM = ".venv/bin/gridcover"
AREA = "990101002"
"""The sub-district of the demo boundaries that the documents name."""


def documented_commands(page: str, heading: str) -> list[list[str]]:
    """Return the arguments of each command in the section of a page."""
    text = (ROOT / page).read_text(encoding="utf-8")
    section = re.split(r"^#+ ", text.split(f"# {heading}\n", 1)[1], flags=re.MULTILINE)[0]
    lines = re.findall(rf"^    {re.escape(PROGRAM)} (.*)$", section, re.MULTILINE)
    return [shlex.split(line, comments=True) for line in lines]


def write_example_files(folder: Path) -> None:
    """Write the files that the documents name: layers of one sub-district of the demo."""
    areas = gpd.read_file(ROOT / "data/boundaries/areas.geojson")
    areas = areas[areas["code"].isin([AREA[:6], AREA, f"{AREA}001"])]
    grids = gpd.read_file(ROOT / "data/boundaries/grids.geojson")
    grids = grids[grids["community"].isin(areas["code"])].reset_index(drop=True)
    areas.to_file(folder / "areas.shp", encoding="utf-8")
    grids.to_file(folder / "grids.shp", encoding="utf-8")
    centres = grids.representative_point()
    places = {"经度": centres.x.round(6), "纬度": centres.y.round(6)}
    lon, lat = gcj02_from_wgs84(centres.x.to_numpy(), centres.y.to_numpy())
    cameras = {
        "设备编码": [f"99010100001320{k:06d}" for k in range(len(grids))],
        "设备名称": grids["name"] + "摄像机",
        "经度": lon,
        "纬度": lat,
        "方位角": 90,
        "视场角": 70,
        "安装高度": 5,
        "设备状态": "在线",
    }
    pd.DataFrame(cameras).to_excel(folder / "一机一档.xlsx", index=False)
    blocks = centres.to_crs("EPSG:32650").translate(15).buffer(5, cap_style="square")
    gpd.GeoDataFrame(
        {"id": [f"b{k}" for k in grids.index], "height_m": 9.0}, geometry=blocks
    ).to_file(folder / "buildings.gpkg")
    gpd.GeoDataFrame(
        {"id": ["s1"], "name": ["和平路"]},
        geometry=[shapely.LineString(list(centres)[:2])],
        crs="EPSG:4326",
    ).to_file(folder / "streets.gpkg")
    gpd.GeoDataFrame(
        {"code": ["k1"], "name": ["第一小学"], "kind": ["school"]}, geometry=blocks[:1].to_crs(4326)
    ).to_file(folder / "places.geojson")
    pd.DataFrame(
        {"code": ["c1"], "kind": ["clinic"], "lon": places["经度"][0], "lat": places["纬度"][0]}
    ).to_csv(folder / "clinics.csv", index=False)
    cases = {
        "工单编号": [f"GD{k}" for k in range(40)],
        "诉求时间": "2026-03-05 08:00",
        "类别": "城管/占道",
        "经度": float(places["经度"][0]),
        "纬度": float(places["纬度"][0]),
    }
    pd.DataFrame(cases).to_csv(folder / "cases.csv", index=False)
    pd.DataFrame(
        {"网格编码": grids["code"][:3], "角色": "网格长", "姓名": "张三", "电话": "13900001111"}
    ).to_excel(folder / "网格员.xlsx", index=False)


@pytest.mark.parametrize(
    ("page", "heading", "layers"),
    [
        ("README.md", "Your own data", {"areas", "grids", "cameras"}),
        (
            "docs/own_data.md",
            "Commands",
            {
                "areas",
                "grids",
                "cameras",
                "buildings",
                "streets",
                "key_places",
                "service_points",
                "incidents",
                "grid_staff",
            },
        ),
    ],
)
def test_own_data_commands_run(
    page: str,
    heading: str,
    layers: set[str],
    run: Callable[..., CommandResult],
    store: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_example_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    commands = documented_commands(page, heading)
    assert len(commands) >= 5
    for arguments in commands:
        if arguments == ["serve"]:
            continue  # runs until it is stopped: `test_serve_prints_the_address`
        result = run(*arguments)
        assert result.returncode == 0, (arguments, result.stderr)
    with psycopg.connect(store) as conn:
        conn.execute("SET search_path TO gridcover, public")
        for layer in layers:
            rows = conn.execute(
                psycopg.sql.SQL("SELECT count(*) FROM {}").format(psycopg.sql.Identifier(layer))
            ).fetchone()
            assert rows is not None
            assert rows[0] > 0, layer
        assert conn.execute("SELECT areas FROM users").fetchall() == [([AREA],)]
        share = conn.execute("SELECT max(covered_share) FROM grid_coverage").fetchone()
    assert share is not None
    assert share[0] > 0


def test_readme_commands_are_the_same_in_both_languages() -> None:
    english = documented_commands("README.md", "Your own data")
    chinese = documented_commands("README.zh-CN.md", "使用本区数据")
    translations = {"areas.shp": "行政区划.shp", "grids.shp": "网格.shp", "Li Wei": "李伟"}
    assert [[translations.get(word, word) for word in words] for words in english] == chinese


def test_openstreetmap_commands_run(
    run: Callable[..., CommandResult], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    osmium = pytest.importorskip("osmium")
    monkeypatch.chdir(tmp_path)
    with osmium.SimpleWriter("city.osm.pbf") as writer:
        corners = [(114.0, 30.0), (114.004, 30.0), (114.004, 30.004), (114.0, 30.004)]
        for number, place in enumerate(corners, 1):
            writer.add_node(osmium.osm.mutable.Node(id=number, location=place, version=1))
        camera = {"man_made": "surveillance", "camera:direction": "90"}
        writer.add_node(
            osmium.osm.mutable.Node(id=9, location=(114.006, 30.002), version=1, tags=camera)
        )
        writer.add_way(
            osmium.osm.mutable.Way(id=1, nodes=[1, 2, 3, 4, 1], version=1, tags={"building": "yes"})
        )
    commands = documented_commands("docs/osm.md", "OpenStreetMap")
    assert [arguments[0] for arguments in commands] == ["import", "grids", "refresh"]
    for arguments in commands:
        result = run(*arguments)
        assert result.returncode == 0, (arguments, result.stderr)


def test_serve_prints_the_address(command: Command) -> None:
    assert ["serve"] in documented_commands("docs/own_data.md", "Commands")
    serving = subprocess.Popen(
        [command.python, "serve"],
        env=command.env,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=accept_interrupts,
    )
    assert serving.stderr is not None
    try:
        printed, address, end = "", None, time.monotonic() + 300
        while address is None and time.monotonic() < end and serving.poll() is None:
            if select.select([serving.stderr], [], [], 1)[0]:
                printed += serving.stderr.readline()
            address = re.search(r"http://127\.0\.0\.1:\d+", printed)
        assert address is not None, printed
        with urllib.request.urlopen(f"{address[0]}/sign-in", timeout=60) as response:
            assert response.status == 200
    finally:
        serving.send_signal(signal.SIGINT)
        serving.communicate(timeout=60)
