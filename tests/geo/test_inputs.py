"""Tests of library functions with inputs of every kind: equal results or errors that name rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import geo
from geo.errors import CrsError, GeometryError, GridcoverError
from tests.support.library_inputs import FUNCTIONS, NO_LAYERS, Function, world

SAME, REFUSED, EITHER, ANSWERED = "same", "refused", "same or refused", "any answer or refused"


@dataclass(frozen=True)
class Case:
    """A change to an input and the required outcome by the role of the input (see `Function`)."""

    name: str
    change: Callable[[Any], Any]
    """Gives None where the case does not apply."""
    outcome: Callable[[str], str]
    rows: tuple[int, ...] = ()
    """Rows that a refusal must name."""


def _columns(change: Callable[[pd.Series], Any]) -> Callable[[Any], Any]:
    """Change every column except geometries."""

    def changed(frame: Any) -> Any:
        if isinstance(frame, gpd.GeoSeries):
            return None
        if isinstance(frame, pd.Series):
            return change(frame)
        copy = frame.copy()
        for name in copy.columns:
            if not isinstance(copy[name].dtype, gpd.array.GeometryDtype):
                copy[name] = change(copy[name])
        return copy

    return changed


def _numeric(change: Callable[[pd.Series], Any]) -> Callable[[Any], Any]:
    return _columns(lambda s: change(s) if pd.api.types.is_any_real_numeric_dtype(s.dtype) else s)


def _shapes(change: Callable[[np.ndarray], Any]) -> Callable[[Any], Any]:
    """Change the geometry only."""

    def changed(frame: Any) -> Any:
        if not isinstance(frame, (gpd.GeoDataFrame, gpd.GeoSeries)):
            return None
        shapes = change(np.array(frame.geometry.values, dtype=object))
        if shapes is None:
            return None
        geometry = gpd.GeoSeries(shapes, index=frame.index, crs=frame.crs)
        return geometry if isinstance(frame, gpd.GeoSeries) else frame.set_geometry(geometry)

    return changed


def _second(shape: Callable[[Any], Any], *, types: tuple[int, ...] = (0, 1, 3, 6)) -> Any:
    """Change the second shape of layers of the given geometry types."""

    def changed(shapes: np.ndarray) -> np.ndarray | None:
        if shapely.get_type_id(shapes[1]) not in types:
            return None
        shapes[1] = shape(shapes[1])
        return shapes

    return _shapes(changed)


def _read_only(frame: Any) -> Any:
    def locked(values: Any) -> Any:
        array = np.array(values)
        array.flags.writeable = False
        return array

    if isinstance(frame, gpd.GeoSeries):
        return gpd.GeoSeries(locked(frame.values), index=frame.index, crs=frame.crs)
    if isinstance(frame, pd.Series):
        return pd.Series(locked(frame), index=frame.index, name=frame.name, copy=False)
    return frame.apply(
        lambda s: pd.Series(locked(s), s.index, copy=False) if s.dtype.kind in "fiu" else s
    ).pipe(
        lambda table: (
            gpd.GeoDataFrame(table, geometry=frame.geometry.name, crs=frame.crs)
            if isinstance(frame, gpd.GeoDataFrame)
            else table
        )
    )


def _labels(change: Callable[[pd.Index], Any]) -> Callable[[Any], Any]:
    return lambda frame: frame.set_axis(change(frame.index)) if frame.index.nlevels == 1 else None


def _arrow(column: pd.Series) -> Any:
    return column.convert_dtypes(dtype_backend="pyarrow")


def _bow_tie(shape: Any) -> Any:
    west, south, east, north = shape.bounds
    return shapely.Polygon([(west, south), (east, north), (east, south), (west, north)])


def _geometry(frame: Any, change: Callable[[Any], Any]) -> Any:
    return change(frame) if isinstance(frame, (gpd.GeoDataFrame, gpd.GeoSeries)) else None


def _always(outcome: str) -> Callable[[str], str]:
    return lambda _: outcome


def _of(**outcomes: str) -> Callable[[str], str]:
    """Outcome by the role of the input; the same for tables, whose geometry is not used."""
    outcomes = {"areas": outcomes.get("views", SAME), **outcomes}
    return lambda role: outcomes.get(role.rstrip("*"), SAME)


def _by_code(role: str) -> str:
    return EITHER if role.endswith("*") else SAME


# fmt: off
CASES = [
    Case("columns backed by Arrow", _columns(_arrow), _always(SAME)),
    Case("nullable columns", _columns(lambda s: s.convert_dtypes()), _always(SAME)),
    Case("categorical columns", _columns(lambda s: s.astype("category")), _always(SAME)),
    Case("columns of objects", _columns(lambda s: s.astype(object)), _always(SAME)),
    Case("numbers as texts", _numeric(lambda s: s.astype(str)), _always(SAME)),
    Case("small integers", _numeric(lambda s: pd.to_numeric(s, downcast="integer")), _always(SAME)),
    Case("arrays that are read-only", _read_only, _always(SAME)),
    Case("labels of Arrow", _labels(lambda i: i.astype("string[pyarrow]")), _always(SAME)),
    Case("labels of categories", _labels(lambda i: pd.CategoricalIndex(i)), _always(SAME)),
    Case("one label for all", _labels(lambda i: ["x"] * len(i)), _by_code),
    Case(
        "labels of two levels", _labels(lambda i: pd.MultiIndex.from_product([["x"], i])), _by_code,
    ),
    Case(
        "columns that are there twice",
        lambda f: (
            pd.concat([f, f.drop(columns=f.geometry.name)], axis=1)
            if isinstance(f, gpd.GeoDataFrame) else None
        ),
        _always(EITHER),
    ),
    Case(
        "a word among numbers",
        _numeric(lambda s: s.astype(object).where(np.arange(len(s)) != 1, "many")), _always(EITHER),
        rows=(1,),
    ),
    Case(
        "a number beyond all bounds",
        _numeric(lambda s: s.astype(object).where(np.arange(len(s)) != 1, 10**400)),
        _always(EITHER), rows=(1,),
    ),
    Case("yes and no for numbers", _numeric(lambda s: s > 3), _always(EITHER)),
    Case("times for numbers", _numeric(lambda s: pd.to_datetime(s)), _always(EITHER)),
    Case(
        "numbers for times", _columns(lambda s: s.astype("int64") if s.dtype.kind == "M" else s),
        _always(EITHER),
    ),
    Case(
        "another geometry column",
        lambda f: f.rename_geometry("where") if isinstance(f, gpd.GeoDataFrame) else None,
        _always(SAME),
    ),
    Case("elevations", _shapes(lambda g: shapely.force_3d(g, 12.0)), _always(SAME)),
    Case(
        "multipoints of one point",
        _shapes(
            lambda g: (
                shapely.multipoints(g, indices=np.arange(len(g)))
                if shapely.get_type_id(g[0]) == 0 else None
            ),
        ),
        _always(SAME),
    ),
    Case(
        "multipolygons of one part",
        _shapes(
            lambda g: (
                np.array([shapely.MultiPolygon([p]) for p in g])
                if (shapely.get_type_id(g) == 3).all() else None
            ),
        ),
        _always(SAME),
    ),
    Case(
        "a multipoint of two",
        _second(lambda p: shapely.MultiPoint([p, shapely.affinity.translate(p, 1.0)]), types=(0,)),
        _of(points=REFUSED, maybe=REFUSED), rows=(1,),
    ),
    Case(
        "a missing geometry", _second(lambda _: None),
        _of(
            points=REFUSED, polygons=REFUSED, lines=REFUSED, views=REFUSED, shapes=ANSWERED,
            maybe=ANSWERED,
        ),
        rows=(1,),
    ),
    Case(
        "an empty point", _second(lambda _: shapely.Point(), types=(0,)),
        _of(points=REFUSED, maybe=ANSWERED), rows=(1,),
    ),
    Case(
        "an empty polygon", _second(lambda _: shapely.Polygon(), types=(3, 6)),
        _of(polygons=REFUSED, views=ANSWERED, shapes=ANSWERED), rows=(1,),
    ),
    Case(
        "an infinite coordinate", _second(lambda _: shapely.Point(np.inf, 0.0), types=(0,)),
        _of(points=REFUSED, maybe=ANSWERED), rows=(1,),
    ),
    Case(
        "another type of shape",
        _second(lambda g: g.buffer(1.0) if g.geom_type == "Point" else g.centroid),
        _of(
            points=REFUSED, maybe=REFUSED, polygons=REFUSED, views=REFUSED, lines=REFUSED,
            shapes=ANSWERED,
        ),
        rows=(1,),
    ),
    Case(
        "a collection", _second(lambda g: shapely.GeometryCollection([g])),
        _of(
            points=REFUSED, maybe=REFUSED, polygons=REFUSED, views=REFUSED, lines=REFUSED,
            shapes=ANSWERED,
        ),
        rows=(1,),
    ),
    Case(
        "a polygon that crosses itself", _second(_bow_tie, types=(3, 6)),
        _of(polygons=REFUSED, views=REFUSED, areas=ANSWERED, shapes=ANSWERED), rows=(1,),
    ),
    Case(
        "degrees", lambda f: _geometry(f, lambda g: g.to_crs("EPSG:4326")),
        lambda role: SAME if role[:5] == "table" else EITHER,
    ),
    Case(
        "no CRS", lambda f: _geometry(f, lambda g: g.set_crs(None, allow_override=True)),
        _of(
            points=REFUSED, maybe=REFUSED, polygons=REFUSED, views=REFUSED, lines=REFUSED,
            shapes=REFUSED,
        ),
    ),
    Case(
        "a plain table", lambda f: _geometry(f, pd.DataFrame),
        _of(
            points=REFUSED, maybe=REFUSED, polygons=REFUSED, views=REFUSED, lines=REFUSED,
            shapes=REFUSED,
        ),
    ),
    Case(
        "a layer without a geometry",
        lambda f: (
            gpd.GeoDataFrame(pd.DataFrame(f).drop(columns="geometry"))
            if isinstance(f, gpd.GeoDataFrame) else None
        ),
        _of(
            points=REFUSED, maybe=REFUSED, polygons=REFUSED, views=REFUSED, lines=REFUSED,
            shapes=REFUSED,
        ),
    ),
    Case("a list", lambda f: list(f), lambda role: SAME if role == "values*" else REFUSED),
    Case("no rows", lambda f: f.iloc[:0], _always(ANSWERED)),
    Case("one row", lambda f: f.iloc[:1], _always(ANSWERED)),
]
# fmt: on


@cache
def plain_result(name: str) -> list[Any]:
    function = next(f for f in FUNCTIONS if f.name == name)
    return list(flatten(function.call(world()), {}))


def _flatten_table(value: pd.DataFrame | pd.Series, labels: dict[Any, Any]) -> Iterator[Any]:
    yield [labels.get(label, label) for label in value.index]
    table = value.to_frame() if isinstance(value, pd.Series) else value
    for name in table.columns:
        column = table[name]
        if isinstance(column.dtype, gpd.array.GeometryDtype):
            yield shapely.to_wkt(np.asarray(column.values), rounding_precision=6).tolist()
        else:
            yield [labels.get(v, v) if isinstance(v, str) else v for v in column.astype(object)]


def flatten(value: Any, labels: dict[Any, Any]) -> Iterator[Any]:
    """Give a result as plain values, with its labels exchanged."""
    if isinstance(value, (pd.DataFrame, pd.Series)):
        yield from _flatten_table(value, labels)
    elif isinstance(value, np.ndarray):
        yield value.tolist()
    elif isinstance(value, shapely.Geometry):
        yield value.wkt
    elif is_dataclass(value):
        for field in fields(value):
            if field.name not in ("crs", "scene", "footprints"):
                yield from flatten(getattr(value, field.name), labels)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from flatten(part, labels)
    else:
        yield value


def equal(left: Any, right: Any) -> bool:
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equal, left, right))
    if isinstance(left, (float, np.floating)) and isinstance(right, (int, float, np.number)):
        return left == pytest.approx(right, rel=1e-9, abs=1e-9, nan_ok=True)
    if left is None or left is pd.NaT or left is pd.NA:
        return right is None or right is pd.NaT or right is pd.NA
    return bool(left == right)


@pytest.mark.deep
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_library_function_with_every_kind_of_input(function: Function, case: Case) -> None:
    for name, role in function.inputs.items():
        frame = world()[name]
        changed = case.change(frame)
        if changed is None:
            continue
        expected = case.outcome(role)
        refusal, result = _result_or_refusal(function, {**world(), name: changed})
        if refusal is not None:
            assert expected != SAME, f"{name}: {refusal}"
            names_row = [str(frame.index[row]) in refusal for row in case.rows]
            assert all(names_row) or expected == ANSWERED, f"{name}: {refusal}"
            continue
        assert expected != REFUSED, f"{name} was taken"
        if expected in (SAME, EITHER):
            mapping: dict[Any, Any] = {}
            if isinstance(changed, (pd.DataFrame, pd.Series)) and len(changed) == len(frame):
                mapping = dict(zip(frame.index, changed.index, strict=True))
            expected_parts = [
                _exchange_labels(part, mapping) for part in plain_result(function.name)
            ]
            assert equal(expected_parts, list(flatten(result, {}))), name


def _result_or_refusal(function: Function, inputs: dict[str, Any]) -> tuple[str | None, Any]:
    """The message of a refusal, or the result; other errors are raised."""
    try:
        return None, function.call(inputs)
    except GridcoverError as error:
        return str(error), None


def _exchange_labels(part: Any, labels: dict[Any, Any]) -> Any:
    if isinstance(part, list):
        return [_exchange_labels(p, labels) for p in part]
    return labels.get(part, part) if isinstance(part, str) else part


def test_library_inputs_include_every_public_function() -> None:
    public = {
        name
        for name in geo.__all__
        if callable(getattr(geo, name)) and not isinstance(getattr(geo, name), type)
    }
    tested = {function.name.split()[0] for function in FUNCTIONS}
    assert public - NO_LAYERS - tested == set()
    assert tested <= public


@pytest.mark.deep
@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_library_results_can_be_written_and_reset(function: Function, tmp_path: Path) -> None:
    result = function.call(world())
    if isinstance(result, gpd.GeoSeries):
        result = gpd.GeoDataFrame(geometry=result)
    if not isinstance(result, pd.DataFrame):
        return
    result.columns = result.columns.map(str)  # Parquet has no other names
    result.to_parquet(tmp_path / "result.parquet")
    stored = (gpd if isinstance(result, gpd.GeoDataFrame) else pd).read_parquet(
        tmp_path / "result.parquet"
    )
    assert equal(list(flatten(result, {})), list(flatten(stored, {})))
    assert len(result.reset_index()) == len(result)
    if isinstance(result, gpd.GeoDataFrame):
        result.to_file(tmp_path / "result.gpkg")
        assert len(gpd.read_file(tmp_path / "result.gpkg")) == len(result)


def test_measuring_functions_refuse_web_mercator() -> None:
    """Lengths in EPSG:3857 are too long by a third at the latitude of the district."""
    layers = {k: v for k, v in world().items() if isinstance(v, (gpd.GeoDataFrame, gpd.GeoSeries))}
    mercator = {**world(), **{k: v.to_crs("EPSG:3857") for k, v in layers.items()}}
    unmeasured = {"metric_crs", "to_wgs84"}
    for function in FUNCTIONS:
        roles = {role.rstrip("*") for role in function.inputs.values()}
        if (
            roles & {"points", "polygons", "lines", "views", "maybe"}
            and function.name not in unmeasured
        ):
            refusal, _ = _result_or_refusal(function, mercator)
            assert refusal is not None, function.name
            assert "EPSG:32650" in refusal, refusal


def test_shapely_has_no_curves() -> None:
    """A file or database with curves is therefore refused on reading."""
    with pytest.raises(NotImplementedError):
        shapely.from_wkt("CURVEPOLYGON (CIRCULARSTRING (0 0, 1 1, 2 0, 1 -1, 0 0))")


def test_to_wgs84_of_layers_of_every_kind() -> None:
    places = gpd.GeoDataFrame({"n": [1]}, geometry=[shapely.Point(118.1, 31.2)], crs="EPSG:4326")
    expected = geo.to_wgs84(places, "gcj02").geometry.iloc[0]
    high = gpd.GeoDataFrame({"n": [1]}, geometry=[shapely.Point(118.1, 31.2, 9.0)], crs="EPSG:4326")
    assert geo.to_wgs84(high, "gcj02").geometry.iloc[0].coords[0] == (expected.x, expected.y, 9.0)
    assert geo.to_wgs84(places.rename_geometry("where"), "gcj02").geometry.iloc[0].equals(expected)
    assert geo.to_wgs84(places.geometry, "gcj02").iloc[0].equals(expected)
    with pytest.raises(GeometryError, match="GeoDataFrame"):
        geo.to_wgs84(pd.DataFrame({"lon": [118.1]}), "gcj02")  # type: ignore[type-var]
    with pytest.raises(CrsError, match="degrees"):
        geo.to_wgs84(places.to_crs("EPSG:32650"), "gcj02")
