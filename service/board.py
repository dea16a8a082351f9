"""The board and the state of the registers, as JSON, GeoJSON and tables."""

from __future__ import annotations

import csv
import io
from typing import Annotated, Any, Literal

import pandas as pd
from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response

from geo.governance.roll_up import gini
from geo.governance.targets import key_place_kinds, key_place_targets
from geo.ingest import spreadsheet_safe
from geo.pipeline.registers import seen_share
from geo.store import board as stored
from geo.store import read
from geo.store.access import User
from geo.store.database import Conn
from service import models
from service.access import SignedIn
from service.answers import geojson
from service.dependencies import Connection
from service.keeping import keep
from service.policy import SecuredRoute, allow

router = APIRouter(prefix="/api/v1", tags=["board"], route_class=SecuredRoute)
_board = [allow("board", walls=True)]
_registers = [allow("registers", "board")]
Level = Literal["grid", "community", "subdistrict", "district"]
Area = Annotated[str | None, Query(description="code of an area of any level; all unless given")]
_MOST = 20_000


@router.get("/board", dependencies=_board, response_model=models.Board)
async def board(
    request: Request, user: SignedIn, level: Level = "subdistrict", area: Area = None
) -> Response:
    """Every figure of the areas of a level that lie in an area, and of that area itself.

    A figure is `part` of `whole`, with its `share`, `goal` and whether it is `met`; a plain sum
    has no whole. `gini` says how unevenly a share is spread over the areas. What no area of the level
    claims has an empty code.
    """

    def make(conn: Conn) -> bytes:
        return models.Board(**_board_of(conn, user, level, area)).model_dump_json().encode()

    return await keep(
        request, user, ("board", level, area), ("results", "grids", "areas"), make, "application/json"
    )  # fmt: skip


def _board_of(conn: Conn, user: User, level: Level, area: str | None) -> dict[str, Any]:
    state = stored.state(conn)
    if state is None:
        raise HTTPException(404, "There is no board yet; run `gridcover refresh`.")
    path = _path(conn, area)
    rows = _by_area(stored.area_figures(conn, level, area))
    mine: dict[str, Any] = {"code": area or "", "level": path[-1]["level"] if path else None}
    if area is None:
        mine["figures"] = _summed(_whole(conn, user))
    else:
        found = _by_area(stored.one_area(conn, path[-1]["level"], area))
        mine |= found[0] if found else {"figures": {}}
    peers = [row for row in rows if row["code"]]
    names = sorted({name for row in peers for name in row["figures"]})
    evenness = {}
    for name in names:
        shares = [row["figures"].get(name, {}).get("share") for row in peers]
        known = [share for share in shares if share is not None]
        if len(known) > 1:
            evenness[name] = gini(known)
    crowded = [
        row["figures"]["incidents"]["part"] / row["figures"]["area_m2"]["part"]
        for row in peers
        if "incidents" in row["figures"] and row["figures"]["area_m2"]["part"]
    ]
    if len(crowded) > 1:
        evenness["incidents_per_km2"] = gini(crowded)
    return {**state, "level": level, "area": mine, "path": path, "areas": rows, "gini": evenness}


@router.get("/board/table", dependencies=_board, response_class=Response, responses=models.CSV)
def board_table(conn: Connection, level: Level = "subdistrict", area: Area = None) -> Response:
    """The board of a level as CSV: a row a figure and area."""
    _path(conn, area)
    out = [["level", "code", "name", "figure", "part", "whole", "share", "goal"]]
    for row in stored.area_figures(conn, level, area):
        share = row["part"] / row["whole"] if row["whole"] else None
        cells = (
            level,
            row["code"],
            row["name"],
            row["figure"],
            row["part"],
            row["whole"],
            share,
            row["goal"],
        )
        out.append(["" if cell is None else str(cell) for cell in cells])
    return _csv(out, f"board-{level}.csv")


@router.get("/board/trends", dependencies=_board, response_model=models.Trends)
def trends(conn: Connection, user: SignedIn, area: Area = None) -> dict[str, Any]:
    """Of an area: its cameras and platforms by year, its appeals by month."""
    path = _path(conn, area if area is not None or user.everywhere else user.areas[0])
    level, code = (path[-1]["level"], path[-1]["code"]) if path else ("district", None)
    if code is None:
        codes = {row["code"] for row in stored.area_figures(conn, "district", None) if row["code"]}
        code = codes.pop() if len(codes) == 1 else ""
    return {
        "years": stored.camera_years(conn, level, code),
        "appeals": stored.appeal_months(conn, level, code),
    }


@router.get("/registers/counts", dependencies=_registers, response_model=list[models.FindingCount])
def counts(conn: Connection, user: SignedIn, area: Area = None) -> list[dict[str, Any]]:
    """How many rows of each finding whose are, most first: the to-do list of each owner.

    In one area of the first 20,000 of each finding; in all of them.
    """
    return stored.finding_counts(conn, area, kept=area is not None or not user.everywhere)


@router.get("/key-places", dependencies=_board, response_model=models.KeyPlaces)
def key_places(conn: Connection) -> dict[str, Any]:
    """Key places against the coverage each must have, and the same by kind."""
    places = read.read_layer(conn, "key-places")
    quality = read.area_quality(conn, "key-places")
    table = key_place_targets(places, seen_share(quality, places.index))
    rows = table.assign(name=places["name"], name_en=places["name_en"]).reset_index(names="code")
    kinds = key_place_kinds(table).reset_index()
    return {"places": _records(rows), "kinds": _records(kinds)}


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    plain = frame.astype(object)
    rows = plain.where(plain.notna(), None).to_dict("records")
    return [{str(key): value for key, value in row.items()} for row in rows]


Aspect = Literal["complete", "plausible", "up_to_date", "in_place", "target", "service"]


def chosen(
    layer: str | None = None,
    aspect: Aspect | None = None,
    finding: str | None = None,
    owner: str | None = None,
    area: Area = None,
) -> dict[str, str | None]:
    """Which findings are asked for; all unless said."""
    return {"layer": layer, "aspect": aspect, "finding": finding, "owner": owner, "area": area}


Chosen = Annotated[dict[str, str | None], Depends(chosen)]


@router.get(
    "/registers/findings",
    dependencies=_registers,
    response_class=Response,
    responses=models.GEOJSON,
)
def findings(
    conn: Connection, chosen: Chosen, limit: Annotated[int, Query(ge=1, le=_MOST)] = 2000
) -> Response:
    """Findings with their place; `X-Total-Count` is how many there are of these."""
    rows, total = stored.findings(conn, limit, **chosen)
    answer = geojson(rows, digits=6)
    answer.headers["X-Total-Count"] = str(total)
    return answer


@router.get(
    "/registers/table", dependencies=_registers, response_class=Response, responses=models.CSV
)
def findings_table(conn: Connection, chosen: Chosen) -> Response:
    """Findings as CSV, the first 20,000 of each kind."""
    rows, _ = stored.findings(conn, 1_000_000, **chosen)
    columns = [c for c in rows.columns if c != "geometry"]
    table = [columns, *rows[columns].astype(str).to_numpy().tolist()]
    return _csv(table, "findings.csv")


def _whole(conn: Conn, user: User) -> list[dict[str, Any]]:
    """Figures of all that a visitor sees: of every district, or of each area that is theirs."""
    if user.everywhere:
        return _by_area(stored.area_figures(conn, "district", None))
    paths = [read.path_of_area(conn, code) for code in user.areas]
    rows = [stored.one_area(conn, path[-1]["level"], path[-1]["code"]) for path in paths if path]
    return _by_area([row for some in rows for row in some])


def _path(conn: Conn, area: str | None) -> list[dict[str, Any]]:
    """The area and what it lies in, from the top."""
    if area is None:
        return []
    path = read.path_of_area(conn, area)
    if not path:
        raise HTTPException(404, f"There is no area {area}.")
    return path


def _by_area(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    out: dict[str, dict[str, Any]] = {}
    for row in rows:
        names = {k: row[k] for k in ("code", "name", "name_en", "parent")}
        at = out.setdefault(row["code"], names | {"figures": {}})
        at["figures"][row["figure"]] = _figure(row["part"], row["whole"], row["goal"])
    return list(out.values())


def _figure(part: float, whole: float | None, goal: float | None) -> dict[str, Any]:
    share = part / whole if whole else None
    # Shares are sums of areas: a millionth is rounding, not a gap.
    met = None if goal is None or share is None else share >= goal - 1e-6
    return {"part": part, "whole": whole, "share": share, "goal": goal, "met": met}


def _summed(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Figures of several areas as those of one."""
    out: dict[str, Any] = {}
    for row in rows:
        for name, one in row["figures"].items():
            had = out.get(name, {"part": 0.0, "whole": 0.0})
            whole = None if one["whole"] is None else (had["whole"] or 0.0) + one["whole"]
            out[name] = _figure(had["part"] + one["part"], whole, one["goal"])
    return out


def _csv(rows: list[list[str]], name: str) -> Response:
    """A table that spreadsheets open rightly, and run nothing of."""
    text = io.StringIO()
    csv.writer(text).writerows([spreadsheet_safe(cell) for cell in row] for row in rows)
    return Response(
        text.getvalue().encode("utf-8-sig"), media_type="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )  # fmt: skip
