"""Synonyms of columns: other names that are recognised as a column, and names that resemble one."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Literal, TypeVar

from geo.errors import ColumnError, warn
from geo.frames import column_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pandas import DataFrame

LayerName = Literal["cameras", "buildings", "grids", "incidents"]
Table = TypeVar("Table", bound="DataFrame")

SYNONYMS: Mapping[str, Mapping[str, str]] = {
    "cameras": {
        "kind": "camera:type type cameratype camera_type ptztype 摄像机类型 结构类型 设备类型",
        "bearing_deg": (
            "bearing camera:direction azimuth azimut heading yaw look_direction lookdirection "
            "viewdirection orientation direction cameradirection 监控方位 摄像机监控方位 "
            "监视方向 监视方位 光轴方向 方位角 方位 朝向 拍摄方向 监控方向 摄像头朝向 "
            "blickrichtung ausrichtung richtung orientación dirección hướng направление азимут "
            "方向 向き 방향 azimuth_deg heading_deg facing"
        ),
        "fov_deg": (
            "fov hfov fieldofview field_of_view horizontalfieldangle angleofview viewangle "
            "viewingangle 水平视场角 视场角 视角 水平视角 angle_of_view view_angle viewing_angle"
        ),
        "range_m": (
            "range viewdistance maxviewdistance radius radius_m viewrange visualrange 可视距离 "
            "监控距离 有效距离 视距 可视半径 监控半径 监控范围半径 半径 view_distance "
            "visibility_range"
        ),
        "near_m": "near blinddistance 盲区距离 近端距离",
        "tilt_deg": "tilt camera:angle pitch 俯仰角 俯角 下倾角",
        "vfov_deg": "vfov verticalfieldangle 竖直视场角 垂直视场角",
        "night_range_m": "nightrange 夜视距离 夜间可视距离 night_range",
        "height_m": (
            "height mountheight mount_height camera:height 安装高度 架设高度 高度 "
            "mounting_height camera_height"
        ),
        "pixels_wide": "pixel_width image_width width_px",
        "status": "state 设备状态 状态 运行状态",
        "point_class": "pointtype 监控点位类型 点位类型",
        "room": "roomtype 室内外 室内外属性 安装位置室内外 摄像机安装位置室内外",
        "installed_on": (
            "start_date installdate install_date installtime listeddate 安装时间 启用时间 "
            "安装日期 建设时间"
        ),
        "retired_on": "retiredate 报废时间 报废日期 停用时间 retire_date",
    },
    "buildings": {
        "height_m": "height bldg_height buildingheight 高度 建筑高度 楼高 building_height",
        "parapet_m": "parapet 女儿墙 女儿墙高度 parapet_height",
    },
    "grids": {
        "population": "pop pop_total residents 人口 常住人口 人口数 户籍人口 总人口 inhabitants",
        "community": "communitycode community_code 社区编码 所属社区编码 社区代码 所属社区",
    },
    "incidents": {
        "occurred_at": (
            "occurredat occurred datetime date time incidentdate incident_date 发生时间 案发时间 "
            "事发时间 日期 时间 timestamp"
        ),
        "occurred_from": "starttime 发生时间起 起始时间 案发时间上限 start_time",
        "occurred_to": "endtime 发生时间止 终止时间 案发时间下限 end_time",
        "reported_at": (
            "reported created createdat 上报时间 报案时间 受理登记时间 来电时间 诉求时间 created_at"
        ),
        "accepted_at": "accepted 受理时间 接单时间 派单时间",
        "due_at": (
            "due duedate due_date deadline 应办结时间 要求办结时间 截止时间 到期时间 处置截止时间"
        ),
        "closed_at": "closed closeddate 办结时间 结案时间 办理完成时间 closed_date",
        "satisfaction": "rating 满意度 满意率 评分",
        "category": "offense offence incidentof crime 案件类别 事件类型 诉求类型 案由 crime_type",
        "grid": "gridcode grid_code 网格编码 所属网格 网格编号",
    },
}
"""Other names of each column, by layer; blanks, case and width do not matter."""

IMPORT_ONLY: Mapping[str, Mapping[str, str]] = {
    "cameras": {
        "bearing_deg": "directiontype compass",
        "pixels_wide": "resolution 图像分辨率 分辨率",
        "room": "surveillance",
    },
    "buildings": {
        "height_m": "elevation",
    },
    "incidents": {
        "occurred_from": "from start",
        "occurred_to": "to end",
        "category": "type class kind 类别 类型",
    },
}
"""Further names of columns in files that are imported. Their cells are codes or texts that only an
import reads (a type of direction, ``1080p``), or the name is too general to rename a column by."""

_AMBIGUOUS = {"cameras": {"angle": ("bearing_deg", "fov_deg"), "角度": ("bearing_deg", "fov_deg")}}
_UNITS = {
    "_m": {"", "m", "metre", "metres", "meter", "meters", "米"},
    "_deg": {"", "deg", "degree", "degrees", "°", "度"},
}
"""Units in brackets that agree with the end of a column's name."""


def plain_name(name: str) -> str:
    """Return a column name without what carries no meaning, to compare it with others.

    Parameters
    ----------
    name : str
        Name as the table has it.

    Returns
    -------
    str
        The name in one width and case, without blanks, marks, and brackets with their content.

    Examples
    --------
    >>> plain_name("View_Distance (m)")
    'viewdistance'
    """
    text = unicodedata.normalize("NFKC", name).casefold()
    text = re.sub(r"[\(\[【{<].*?[\)\]】}>]", "", text)
    return re.sub(r"[\s_\-*:./·#]+", "", text)


_COLUMN_BY_NAME = {
    layer: {
        plain_name(word): column
        for column, words in columns.items()
        for word in (column, *words.split())
    }
    for layer, columns in SYNONYMS.items()
}


def rename_columns(table: Table, layer: LayerName) -> Table:
    """Rename the columns of a table from other names to those that the analysis functions read.

    Parameters
    ----------
    table : pandas.DataFrame or geopandas.GeoDataFrame
        Cameras, buildings, grids or incidents with columns such as azimuth, radius, 视场角,
        height or date.
    layer : {'cameras', 'buildings', 'grids', 'incidents'}
        Layer that the rows belong to.

    Returns
    -------
    pandas.DataFrame or geopandas.GeoDataFrame
        The same rows with renamed columns. Values stay as they are, and so do columns that have a
        name of the layer's already or one without synonym (`geo.synonyms.SYNONYMS`).

    Raises
    ------
    ColumnError
        If two columns would get one name, a name has two meanings (an angle is the field of view
        only where another column holds the bearing), or the unit in its brackets is not that of
        the column.

    Examples
    --------
    >>> import pandas as pd, geo
    >>> register = pd.DataFrame({"azimuth": [90.0], "angle": [60.0], "radius": [80.0]})
    >>> list(geo.rename_columns(register, "cameras").columns)
    ['bearing_deg', 'fov_deg', 'range_m']
    """
    if layer not in SYNONYMS:
        raise ColumnError(f"there is no layer {layer!r}; use one of {', '.join(SYNONYMS)}")
    column_of(table, "")  # raises if it is no table
    name_of: dict[str, object] = {}
    for name, column in _synonyms_in(table, layer).items():
        if column is None:
            choices = " or ".join(_AMBIGUOUS[layer][plain_name(str(name))])
            raise ColumnError(f"{name} can be {choices}; rename it to what it is")
        if not _unit_fits(str(name), column):
            raise ColumnError(f"{name} has another unit than {column}; convert and rename it")
        if column in name_of:
            raise ColumnError(f"{name_of[column]} and {name} would both be {column}; keep one")
        name_of[column] = name
    empty = [column for column in name_of if column in table]
    new_names = {name: column for column, name in name_of.items()}
    return table.drop(columns=empty).rename(columns=new_names)


def warn_of_unused(table: DataFrame, layer: LayerName, columns: tuple[str, ...]) -> None:
    """Raise a `ColumnWarning` where a column is absent and another one resembles it.

    Parameters
    ----------
    table : pandas.DataFrame
        Table that a function was given.
    layer : {'cameras', 'buildings', 'grids', 'incidents'}
        Layer that its rows belong to.
    columns : tuple of str
        The columns that the function reads.
    """
    if not hasattr(table, "columns"):
        return
    unused = [
        f"{name} ({column or ' or '.join(_AMBIGUOUS[layer][plain_name(str(name))])}?)"
        for name, column in _synonyms_in(table, layer).items()
        if column in columns or (column is None and "fov_deg" in columns)
    ]
    if unused:
        warn(
            f"columns of the {layer} that are not used, for want of their name: "
            f"{', '.join(unused)}; defaults are taken instead. Rename them, for instance with "
            f"geo.rename_columns(table, {layer!r})"
        )


def _synonyms_in(table: DataFrame, layer: str) -> dict[object, str | None]:
    """Return the names in a table that are synonyms of columns it has no values for.

    Each name is given with its column, or None where it is ambiguous.
    """
    known, ambiguous = _COLUMN_BY_NAME[layer], _AMBIGUOUS.get(layer, {})
    columns = set(SYNONYMS[layer])
    synonyms: dict[object, str | None] = {}
    for name in table.columns:
        if not isinstance(name, str) or name in columns:
            continue
        column = known.get(plain_name(name))
        if column is not None and not _has_values(table, column):
            synonyms[name] = column
    for name in table.columns:
        if isinstance(name, str) and plain_name(name) in ambiguous:
            possible = [
                column
                for column in ambiguous[plain_name(name)]
                if column not in synonyms.values() and not _has_values(table, column)
            ]
            if possible:
                synonyms[name] = "fov_deg" if possible == ["fov_deg"] else None
    return {name: synonyms[name] for name in table.columns if name in synonyms}


def _has_values(table: DataFrame, column: str) -> bool:
    return column in table and bool(table[column].notna().to_numpy().any())


def _unit_fits(name: str, column: str) -> bool:
    """Return whether the unit in brackets after a name is that of the column, or there is none."""
    match = re.search(r"[\(\[【{<](.*?)[\)\]】}>]", unicodedata.normalize("NFKC", name))
    suffix = next((s for s in _UNITS if column.endswith(s)), "")
    return match is None or not suffix or match[1].strip().casefold() in _UNITS[suffix]
