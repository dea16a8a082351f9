"""Import of a million incidents from a CSV file beside plain ways to store rows."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import psycopg
import sqlalchemy

from geo.ingest import import_file
from geo.store import private_cluster
from geo.store.connection import connect
from geo.store.migration import migrate

COLUMNS = (
    "source",
    "source_id",
    "category",
    "occurred_at",
    "reported_at",
    "accepted_at",
    "closed_at",
    "satisfaction",
)


def write_hotline_export(path: Path, count: int) -> gpd.GeoDataFrame:
    """Write a hotline export of `count` service requests; return the same rows as a frame."""
    rng = np.random.default_rng(5)
    lon, lat = 118.0 + rng.random(count) * 0.2, 30.9 + rng.random(count) * 0.1
    times = [
        pd.Timestamp("2021-01-01")
        + pd.to_timedelta(rng.integers(0, 5 * 365 * 86400, count), unit="s")
    ]
    for days in (1, 1, 9):
        times.append(times[-1] + pd.to_timedelta(rng.integers(60, 86400 * days, count), unit="s"))
    written = [t.strftime("%Y-%m-%d %H:%M:%S") for t in times]
    kinds = np.array(["治安/盗窃", "治安/诈骗", "纠纷/邻里", "市容/占道", "噪音/施工"])
    satisfactions = np.array(["满意", "非常满意", "不满意", "一般", ""])
    keys = [f"GD{k:09d}" for k in range(count)]
    category = kinds[rng.integers(0, len(kinds), count)]
    table = pd.DataFrame(
        {
            "来源": "12345热线",
            "工单编号": keys,
            "诉求类型": category,
            "发生时间": written[0],
            "诉求时间": written[1],
            "受理时间": written[2],
            "办结时间": written[3],
            "满意度": satisfactions[rng.integers(0, len(satisfactions), count)],
            "经度": np.round(lon, 6),
            "纬度": np.round(lat, 6),
            "备注": np.where(rng.random(count) < 0.2, "有附件", ""),
        }
    )
    table.to_csv(path, index=False)
    frame = table.iloc[:, :8].set_axis(list(COLUMNS), axis=1)
    return gpd.GeoDataFrame(
        frame, geometry=gpd.points_from_xy(table["经度"], table["纬度"]), crs=4326
    )


def time_call(function: Callable[[], object]) -> float:
    """Return the seconds of a call."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def time_imports(count: int) -> dict[str, float]:
    """Return seconds of the import and of other ways to store the same rows.

    These are the same file again, `GeoDataFrame.to_postgis`, and COPY of the rows as text into a
    table without an index. The import includes reading, cleaning, checking and indexing.
    """
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = Path(folder) / "hotline.csv"
        frame = write_hotline_export(path, count)
        with private_cluster.running(Path(folder) / "pg") as private:
            migrate(private.conninfo)
            with connect(private.conninfo) as conn:
                conn.execute(
                    "INSERT INTO areas (code, name, level, geometry) VALUES ('340203', 'd', "
                    "'district', ST_Multi(ST_MakeEnvelope(118, 30.9, 118.2, 31, 4326)))"
                )
                conn.commit()
                ours = time_call(lambda: import_file(conn, "incidents", path))
                again = time_call(lambda: import_file(conn, "incidents", path))
                stored = conn.execute("SELECT count(*) FROM incidents").fetchone()
                assert stored is not None
                assert stored[0] == count
            engine = sqlalchemy.create_engine(
                "postgresql+psycopg://", creator=lambda: psycopg.connect(private.conninfo)
            )
            postgis = time_call(lambda: frame.to_postgis("peer", engine))
            engine.dispose()
            copied = time_call(lambda: _copy(private.conninfo, frame))
    return {"ours": ours, "again": again, "to_postgis": postgis, "copy": copied}


def _copy(conninfo: str, frame: gpd.GeoDataFrame) -> None:
    rows = zip(*(frame[c].tolist() for c in COLUMNS), frame.geometry.to_wkb(hex=True), strict=True)
    with psycopg.connect(conninfo) as conn, conn.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE copied (source text, source_id text, category text, occurred_at "
            "timestamptz, reported_at timestamptz, accepted_at timestamptz, closed_at "
            "timestamptz, satisfaction text, geometry geometry(Point, 4326))"
        )
        with cursor.copy("COPY copied FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
