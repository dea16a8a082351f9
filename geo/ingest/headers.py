"""Dictionaries: which header, in English or Chinese, means which column, and which value what."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from geo.errors import ReadError
from geo.ingest.values import plain_signs
from geo.schema import LAYERS
from geo.synonyms import IMPORT_ONLY, SYNONYMS

LON, LAT, WHERE = "lon", "lat", "where"
EXTRA = "extra"
"""What a header is renamed to that is kept with the row as it is, although a word of it is known."""

_COMMON = {
    LON: "lon longitude lng long longitud longitudine längengrad kinh_độ долгота 経度 경도 x point_x easting 经度 经度坐标 x坐标 设备经度 gps经度",
    LAT: "lat latitude latitud latitudine breitengrad vĩ_độ широта 緯度 위도 y point_y northing 纬度 纬度坐标 y坐标 设备纬度 设备维度 维度 gps纬度",
    WHERE: "where wkt geom geometry the_geom shape location geolocation geolocatio coordinates latlon lonlat coordenadas coordonnées koordinaten koordinaatit координаты 座標 좌표 "
    "坐标 经纬度 位置坐标 空间信息",
    "name_en": "name_en nameen english_name englishname 英文名称 英文名",
    "population": SYNONYMS["grids"]["population"],
}
_NAMED = {
    "code": "code id @id osm_id osmid objectid object_id gid fid uid 编码 编号 代码 序号",
    "name": "name label title 名称 名字",
}
_OWN_WORDS: dict[str, dict[str, str]] = {
    "areas": {
        "code": "adcode areacode area_code 行政区划代码 区划代码 区域编码 社区编码 街道编码",
        "name": "areaname area_name 区域名称 社区名称 街道名称 行政区名称",
        "level": "level adminlevel admin_level 级别 层级 行政级别 类型",
        "parent": "parent parentcode parent_code 上级编码 上级 所属上级 父级编码",
    },
    "grids": {
        "code": "gridcode grid_code gridid grid_id bgcode 网格编码 网格编号 网格代码 网格号",
        "name": "gridname grid_name 网格名称 网格名",
        "kind": "kind type gridtype 网格类型 网格类别 类型",
    },
    "cameras": {
        "code": "cameraid camera_id cameracode deviceid device_id channelid 设备编码 摄像机编码 国标编码 "
        "通道编码 设备编号 摄像机编号 点位编码",
        "name": "cameraname camera_name devicename 设备名称 点位俗称 点位名称 摄像机名称 监控点名称 监控点位名称",
        "other_directions": "other_directions otherdirections 其他方位",
        "network": "network networked online_network 联网属性 是否联网 联网",
        "owner": "owner manager operator 管理单位 产权单位 所属单位 建设单位",
        "platform": "platform 平台 接入平台 所属平台",
        "upgraded_on": "upgraded_on upgraded 改造时间 升级时间 更新改造时间 改造日期",
        "place_kinds": "place_kinds surveillance:zone positiontype capturepositiontype 摄像机位置类型 采集区域类型 位置类型",
        "functions": "functions functiontype surveillance:type 摄像机功能类型 功能类型",
        "supplement_light": "supplement_light supplylighttype 补光属性 补光类型 摄像机补光属性",
        "key_place": "key_place keyplace 重点部位 所属重点部位 重点场所",
        "community": "community 所属社区 社区编码 所属社区编码 社区名称",
    },
    "buildings": {
        "id": "id @id objectid object_id fid gid buildingid building_id code 编号 编码 楼栋编号 建筑编号",
    },
    "streets": {
        "id": "id @id objectid object_id fid gid osm_id code 编号 编码 道路编号",
        "name": "name roadname street fullname 名称 道路名称 路名",
        "class": "class highway fclass roadclass road_class type 等级 道路等级 类型",
    },
    "landcover": {
        "id": "id @id objectid object_id fid gid osm_id code 编号 编码",
        "name": "name 名称",
        "class": "class fclass landuse type 类型 类别",
    },
    "key-places": {
        "code": "placecode place_code 重点部位编码 场所编码 单位编码",
        "name": "placename place_name 重点部位名称 场所名称 单位名称",
        "kind": "kind type category 类型 类别 场所类型 单位类型",
        "required_share": "required_share required 要求覆盖率 覆盖率要求",
    },
    "service-points": {
        "code": "pointcode point_code 站点编码 点位编码 服务点编码 机构编码",
        "name": "pointname point_name 站点名称 点位名称 服务点名称 机构名称",
        "kind": "kind type category 类型 类别 站点类型 点位类型 机构类型",
    },
    "grid-staff": {
        "grid": "grid gridcode grid_code 网格编码 网格编号 网格代码 所属网格",
        "role": "role position 角色 职务 人员类别 人员类型 岗位",
        "name": "name staffname 姓名 人员姓名 网格员姓名",
        "phone": "phone mobile tel telephone 联系电话 电话 手机 手机号 手机号码 联系方式",
    },
    "incidents": {
        "source": "source system 来源 来源系统 数据来源",
        "source_id": "source_id sourceid id objectid incidentid incident_id caseid case_id casenumber case_number "
        "ticket number 编号 案件编号 工单编号 事件编号 诉求编号 工单号 案号",
        "precision": "precision locationprecision 定位精度 位置精度",
    },
}

_BY_LAYER: dict[str, dict[str, str]] = {
    layer: own
    | {
        column: f"{column} {words} {IMPORT_ONLY.get(layer, {}).get(column, '')}"
        for column, words in SYNONYMS.get(layer, {}).items()
    }
    for layer, own in _OWN_WORDS.items()
}
"""Words of each column: those of columns that the analysis reads are in `geo.synonyms`."""

_VALUES: dict[tuple[str, str], dict[str, str]] = {
    ("areas", "level"): {
        "district": "district county 区 区县 县 市辖区",
        "subdistrict": "subdistrict street town 街道 镇 乡 街镇 街道办事处",
        "community": "community village 社区 村 居委会 村委会",
    },
    ("grids", "kind"): {
        "basic": "basic 基础网格 普通网格 基本网格 综合网格",
        "special": "special 专属网格 特殊网格 专业网格",
    },
    ("cameras", "kind"): {
        "ptz": "ptz panning 1 球机 快球 云台 4 遥控枪机 5 遥控半球",
        "dome": "dome 2 半球",
        "fixed": "fixed bullet box 3 固定枪机 枪机 卡口枪机 卡口",
        "panoramic": "panoramic fisheye 6 7 全景 鱼眼 多目",
        "unknown": "unknown 99 0 其他 未知",
    },
    ("cameras", "status"): {
        "working": "working on ok online active 1 在用 在线 正常 启用",
        "faulty": "faulty fault broken 2 维修 故障 损坏",
        "offline": "offline off 离线 停用",
        "retired": "retired 3 拆除 报废",
        "unknown": "unknown 0 未知",
    },
    ("cameras", "point_class"): {
        "public": "public 1 一类 一类点 一类视频监控点 公共区域",
        "industry": "industry 2 二类 二类点 二类视频监控点",
        "private": "private 3 三类 三类点 三类视频监控点",
        "police": "police 4 公安内部 公安机关内部视频监控点",
        "other": "other 9 其他 其它",
        "unknown": "unknown 0 未知",
    },
    ("cameras", "room"): {
        "outdoor": "outdoor outdoors public 1 室外 户外",
        "indoor": "indoor indoors 2 室内",
        "unknown": "unknown 0 未知",
    },
    ("cameras", "supplement_light"): {
        "none": "none 1 无补光 无", "infrared": "infrared 2 红外补光 红外", "white": "white 3 白光补光 白光",
        "laser": "laser 4 激光补光 激光", "other": "other 9 其他 其它",
    },
    ("cameras", "place_kinds"): {
        "checkpoint": "1 省际检查站", "government": "2 党政机关", "station": "3 车站码头 platform bus_stop",
        "square": "4 中心广场", "stadium": "5 体育场馆", "commerce": "6 商业中心 shop", "worship": "7 宗教场所", "school": "8 校园周边",
        "disorder": "9 治安复杂区域", "road": "10 交通干线 traffic street highway", "hospital": "11 医院周边", "finance": "12 金融机构周边 bank atm",
        "hazardous": "13 危险物品场所周边", "museum": "14 博物馆展览馆", "waterway": "15 重点水域航道",
        "city_checkpoint": "96 市际公安检查站", "foreign": "97 涉外场所", "border": "98 边境沿线",
        "scenic": "99 旅游景区",
    },
    ("cameras", "functions"): {
        "vehicle_checkpoint": "1 车辆卡口 alpr anpr", "person_checkpoint": "2 人员卡口", "micro_checkpoint": "3 微卡口",
        "feature": "4 特征摄像机", "ordinary": "5 普通监控 camera", "lookout": "6 高空瞭望", "other": "99 其他 其它",
    },
    ("grid-staff", "role"): {
        "head": "head 网格长 网格负责人",
        "full_time": "full_time 专职网格员 专职 网格员 网格管理员",
        "part_time": "part_time 兼职网格员 兼职 网格助理员",
        "police": "police 网格警员 社区民警 民警 网格警务员",
        "legal": "legal 法律顾问 网格律师 人民调解员 网格督导员",
        "fire": "fire 消防员 网格消防员 消防救援员",
        "other": "other 其他 其它 志愿者",
    },
    ("streets", "class"): {
        "motorway": "motorway motorway_link 高速公路 高速",
        "trunk": "trunk trunk_link 快速路",
        "primary": "primary primary_link 主干路 主干道",
        "secondary": "secondary secondary_link 次干路 次干道",
        "tertiary": "tertiary tertiary_link",
        "local": "local residential unclassified service living_street 支路",
        "lane": "lane alley footway path pedestrian 胡同 里弄 巷 小巷",
    },
    ("landcover", "class"): {
        "water": "water river lake 水系 河流 湖泊 水域",
        "green": "green park forest grass 绿地 公园",
        "industrial": "industrial 工业 工业用地",
        "square": "square plaza 广场",
    },
    ("incidents", "precision"): {
        "exact": "exact 精确 准确", "road": "road street 道路 路段", "grid": "grid 网格", "none": "none 无",
    },
}  # fmt: skip

SECRETS = (
    "设备口令 口令 设备密码 密码 登录密码 password passwd pwd devicepassword passwort kennwort mot_de_passe "
    "contraseña senha wachtwoord salasana mật_khẩu пароль パスワード 비밀번호"
)
"""Headers of what must not be kept with a row, whatever the file says."""

OWN_RESULTS = {
    "grids": frozenset(
        [
            "run",
            "area_m2",
            "covered_m2",
            "covered_share",
            "open_m2",
            "open_covered_share",
            "twice_covered_share",
            "cameras",
            "incidents",
            "per_km2",
            "per_1000_people",
        ]
    ),
}
"""Columns that our own export of a layer has beside those of the register."""

CATEGORY_LEVELS = (
    "一级分类 一级类别 一级类型 诉求一级分类 大类 案件大类 事件大类 category1 category_1 level1",
    "二级分类 二级类别 二级类型 诉求二级分类 小类 案件小类 事件小类 category2 category_2 level2",
    "三级分类 三级类别 三级类型 诉求三级分类 细类 子类 category3 category_3 level3",
)
"""Headers that hold a category's levels apart, from the root down."""

TRUE_WORDS = {"1", "true", "yes", "y", "t", "是", "已联网", "联网", "on"}
FALSE_WORDS = {"0", "false", "no", "n", "f", "否", "未联网", "不联网", "off"}


@lru_cache(maxsize=8192)
def normalised(header: str) -> str:
    """A header without the marks it carries: width, case, stars, brackets, units, line breaks."""
    text = unicodedata.normalize("NFKC", plain_signs(header)).casefold()
    text = re.sub(r"[\(\[【{<].*?[\)\]】}>]", "", text)
    return re.sub(r"[\s_\-*:./·#]+", "", text)


@dataclass(frozen=True)
class Dictionary:
    """Words a deployment adds to those built in; its own go first."""

    headers: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    """By layer and column."""
    values: Mapping[tuple[str, str], Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    """By layer and column: the words for each value as it is stored."""


BUILT_IN = Dictionary()


def read_dictionary(path: Path | None) -> Dictionary:
    """A deployment's words for headers and values, from a TOML file.

    Parameters
    ----------
    path : a file with tables ``[headers.LAYER]`` (column = list of headers) and
        ``[values.LAYER.COLUMN]`` (stored value = list of words); None for no words.

    Raises
    ------
    ReadError : the file cannot be read, or names a layer, column or value that there is not.
    """
    if path is None:
        return BUILT_IN
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ReadError(f"the dictionary {path} cannot be read: {error}") from error
    if stray := set(told) - {"headers", "values"}:
        raise ReadError(f"the dictionary {path} has {', '.join(sorted(stray))}; it may have "
                        "headers and values")  # fmt: skip
    headers = {}
    for layer, columns in told.get("headers", {}).items():
        for column, words in columns.items():
            _known(path, layer, column)
            headers[layer, column] = _words(path, words)
    values = {}
    for layer, tables in told.get("values", {}).items():
        for column, choices in tables.items():
            allowed = _known(path, layer, column)
            if stray := set(choices) - set(allowed):
                raise ReadError(f"the dictionary {path}: {layer}.{column} is never "
                                f"{', '.join(sorted(stray))}, but {', '.join(allowed)}")  # fmt: skip
            values[layer, column] = {choice: _words(path, w) for choice, w in choices.items()}
    return Dictionary(headers, values)


def _known(path: Path, layer: str, column: str) -> tuple[str, ...]:
    """The choices of a column, after a check that there is such a one."""
    if layer not in LAYERS:
        raise ReadError(
            f"the dictionary {path}: there is no layer {layer}; use one of {', '.join(LAYERS)}"
        )
    if column in (LON, LAT, WHERE):
        return ()
    if column not in LAYERS[layer].names:
        raise ReadError(
            f"the dictionary {path}: {layer} has no column {column}; "
            f"it has {', '.join(LAYERS[layer].names)}"
        )
    return LAYERS[layer].column(column).choices


def _words(path: Path, words: object) -> tuple[str, ...]:
    if not (isinstance(words, list) and all(isinstance(word, str) for word in words)):
        raise ReadError(f"the dictionary {path}: {words!r} must be a list of words")
    return tuple(words)


def value_of(layer: str, column: str, text: str, dictionary: Dictionary = BUILT_IN) -> str | None:
    """The stored word for a value as registers write it; None if it is not in the dictionary."""
    wanted = normalised(text)
    if re.fullmatch(r"\d+\.0", text.strip()):
        wanted = text.strip()[:-2]
    for stored, own in dictionary.values.get((layer, column), {}).items():
        if wanted in {normalised(word) for word in own}:
            return stored
    for stored, words in _VALUES.get((layer, column), {}).items():
        if wanted in {normalised(word) for word in words.split()}:
            return stored
    return None


@dataclass
class Recognised:
    """What the headers of a file were taken for."""

    columns: dict[str, str] = field(default_factory=dict)
    """Our column to the file's header."""
    unknown: list[str] = field(default_factory=list)
    """Headers kept with the row as they are."""
    guessed: dict[str, str] = field(default_factory=dict)
    """Header to the reason why it was taken for its column, where no word is exactly it."""
    unclear: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Header that was cut, to the columns that it may have been."""
    alternatives: dict[str, list[str]] = field(default_factory=dict)
    """Our column to further headers of the same meaning, best first; they are unknown as well."""
    set_aside: set[str] = field(default_factory=set)
    """Headers that the user wants kept as they are; they are unknown as well."""


def recognise(
    layer: str,
    headers: Iterable[str],
    rename: Mapping[str, str] | None = None,
    dictionary: Dictionary = BUILT_IN,
) -> Recognised:
    """Match headers against the layer's dictionary; `rename` (header to column or `EXTRA`) goes first.

    A word of the layer's own wins over a common one (``gridcode`` over ``id``), and of two
    headers for one column the one whose word stands earlier in the dictionary wins. A header that
    is no word is looked at without numbering and units, by the parts it has in two languages, and
    as one that a Shapefile cut to ten bytes; see `guessed`.
    """
    headers = list(headers)
    rename = {k.strip(): v.strip() for k, v in (rename or {}).items()}
    out = Recognised()
    taken: set[str] = set()
    for header, column in rename.items():
        match = matching(header, headers)
        if match is not None and column == EXTRA:
            out.set_aside.add(match)
            taken.add(match)
        elif match is not None:
            out.columns[column] = match
            taken.add(match)
    words = header_words(layer, dictionary)
    ranked = sorted(
        (rank, position, column, header)
        for position, header in enumerate(headers)
        for column, listed in words.items()
        for rank, word in enumerate(listed)
        if normalised(word) == normalised(header)
    )
    for _, _, column, header in ranked:
        if column not in out.columns and header not in taken:
            out.columns[column] = header
            taken.add(header)
    for _, _, column, header in ranked:
        if header not in taken and header not in out.alternatives.get(column, []):
            out.alternatives.setdefault(column, []).append(header)
    _guess(out, [h for h in headers if h not in taken], words)
    out.unknown = [h for h in headers if h not in out.columns.values()]
    return out


def matching(header: str, headers: Iterable[str]) -> str | None:
    """Return the header of a file that is meant by a name for it: the same, or the same but for its marks."""
    listed = list(headers)
    same = next((h for h in listed if h.strip() == header.strip()), None)
    return same or next((h for h in listed if normalised(h) == normalised(header)), None)


def header_words(layer: str, dictionary: Dictionary = BUILT_IN) -> dict[str, list[str]]:
    """Return the words for each column of a layer, best first."""
    words = {c: w.split() for c, w in _BY_LAYER[layer].items()}
    for column, text in (_COMMON | (_NAMED if "code" in words else {})).items():
        words[column] = words.get(column, []) + text.split()
    return {
        column: [column, *dictionary.headers.get((layer, column), ()), *listed]
        for column, listed in words.items()
    }


_NUMBERING = re.compile(r"^\s*[(（]?\d{1,2}[)）.、:：]\s*")
_UNITS = re.compile(r"(?:°|degrees?|deg|metres?|meters?|m|px|度|米)$")
_CUT_BYTES = 10
"""Bytes of a field's name in a Shapefile, at the most."""


def _guess(out: Recognised, headers: list[str], words: dict[str, list[str]]) -> None:
    """Take headers that are no words for the one column they can mean."""
    exact = {normalised(w): c for c, listed in reversed(words.items()) for w in reversed(listed)}
    for header in headers:
        bare = normalised(_NUMBERING.sub("", header))
        parts = [normalised(p) for p in re.split(r"[/|\n\r()（）\[\]【】:：]+", header)]
        forms = {
            "without its number": [bare],
            "without its unit": [_UNITS.sub("", bare)],
            "by its parts": parts,
        }
        for reason, texts in forms.items():
            columns = {exact[text] for text in texts if text in exact}
            if len(columns) == 1 and (column := columns.pop()) not in out.columns:
                out.columns[column] = header
                out.guessed[header] = reason
                break
        else:
            _complete_cut(out, header, words)


def _complete_cut(out: Recognised, header: str, words: dict[str, list[str]]) -> None:
    """Take a header that was cut to ten bytes for the one column whose words begin so."""
    text = header.rstrip("\ufffd?\x00 ")
    cut = any(
        _CUT_BYTES - len("字".encode(encoding))
        < len(text.encode(encoding, "replace"))
        <= _CUT_BYTES
        for encoding in ("utf-8", "gb18030")
    )
    # In ASCII nothing is lost of a character: such a header has all of its ten bytes.
    if not cut or (text.isascii() and len(text) != _CUT_BYTES):
        return
    begin = normalised(text)
    columns = [
        column
        for column, listed in words.items()
        if any(w.startswith(begin) and w != begin for w in map(normalised, listed))
    ]
    if len(columns) == 1 and columns[0] not in out.columns:
        out.columns[columns[0]] = header
        out.guessed[header] = "cut to ten bytes, as Shapefiles do"
    elif len(columns) > 1:
        out.unclear[header] = tuple(columns)


def is_secret(header: str) -> bool:
    """Return whether the cells under a header are passwords, which are neither kept nor shown."""
    return normalised(header) in {normalised(word) for word in SECRETS.split()}
