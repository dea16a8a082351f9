"""Words of headers: which header, in English, Chinese or another language, means which column."""

from __future__ import annotations

from geo.synonyms import IMPORT_ONLY, SYNONYMS

LON, LAT, WHERE = "lon", "lat", "where"
"""Columns of coordinates, which no layer has: longitude, latitude, and both in one text."""
EXTRA = "extra"
"""Target of `rename` for a header that is stored with the row as it is, although it is known."""

_COMMON = {
    LON: (
        "lon longitude lng long longitud longitudine längengrad kinh_độ долгота 経度 경도 x "
        "point_x easting 经度 经度坐标 x坐标 设备经度 gps经度"
    ),
    LAT: (
        "lat latitude latitud latitudine breitengrad vĩ_độ широта 緯度 위도 y point_y northing "
        "纬度 纬度坐标 y坐标 设备纬度 设备维度 维度 gps纬度"
    ),
    WHERE: (
        "where wkt geom geometry the_geom shape location geolocation geolocatio coordinates "
        "latlon lonlat coordenadas coordonnées koordinaten koordinaatit координаты 座標 좌표 "
        "坐标 经纬度 位置坐标 空间信息"
    ),
    "name_en": "name_en nameen english_name englishname 英文名称 英文名",
    "population": SYNONYMS["grids"]["population"],
}
"""Columns of all layers."""
_NAMED = {
    "code": "code id @id osm_id osmid objectid object_id gid fid uid 编码 编号 代码 序号",
    "name": "name label title 名称 名字",
}
"""Columns of the layers that have codes."""
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
        "code": (
            "cameraid camera_id cameracode deviceid device_id channelid 设备编码 摄像机编码 "
            "国标编码 通道编码 设备编号 摄像机编号 点位编码"
        ),
        "name": (
            "cameraname camera_name devicename 设备名称 点位俗称 点位名称 摄像机名称 监控点名称 "
            "监控点位名称"
        ),
        "other_directions": "other_directions otherdirections 其他方位",
        "network": "network networked online_network 联网属性 是否联网 联网",
        "owner": "owner manager operator 管理单位 产权单位 所属单位 建设单位",
        "platform": "platform 平台 接入平台 所属平台",
        "upgraded_on": "upgraded_on upgraded 改造时间 升级时间 更新改造时间 改造日期",
        "place_kinds": (
            "place_kinds surveillance:zone positiontype capturepositiontype 摄像机位置类型 "
            "采集区域类型 位置类型"
        ),
        "functions": "functions functiontype surveillance:type 摄像机功能类型 功能类型",
        "supplement_light": "supplement_light supplylighttype 补光属性 补光类型 摄像机补光属性",
        "key_place": "key_place keyplace 重点部位 所属重点部位 重点场所",
        "community": "community 所属社区 社区编码 所属社区编码 社区名称",
    },
    "buildings": {
        "id": (
            "id @id objectid object_id fid gid buildingid building_id code 编号 编码 楼栋编号 "
            "建筑编号"
        ),
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
        "source_id": (
            "source_id sourceid id objectid incidentid incident_id caseid case_id casenumber "
            "case_number ticket number 编号 案件编号 工单编号 事件编号 诉求编号 工单号 案号"
        ),
        "precision": "precision locationprecision 定位精度 位置精度",
    },
}
"""Columns of one layer that no analysis reads; those of the others are in `geo.synonyms`."""

_BY_LAYER: dict[str, dict[str, str]] = {
    layer: own
    | {
        column: f"{column} {words} {IMPORT_ONLY.get(layer, {}).get(column, '')}"
        for column, words in SYNONYMS.get(layer, {}).items()
    }
    for layer, own in _OWN_WORDS.items()
}

SECRETS = (
    "设备口令 口令 设备密码 密码 登录密码 password passwd pwd devicepassword passwort kennwort "
    "mot_de_passe contraseña senha wachtwoord salasana mật_khẩu пароль パスワード 비밀번호"
)
"""Headers of passwords, which are never stored with a row."""

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
"""Columns of results that our own export of a layer has beside those of the register."""

CATEGORY_LEVELS = (
    "一级分类 一级类别 一级类型 诉求一级分类 大类 案件大类 事件大类 category1 category_1 level1",
    "二级分类 二级类别 二级类型 诉求二级分类 小类 案件小类 事件小类 category2 category_2 level2",
    "三级分类 三级类别 三级类型 诉求三级分类 细类 子类 category3 category_3 level3",
)
"""Headers of the levels of a category in columns of their own, from the root down."""


def words_of_layer(layer: str) -> dict[str, list[str]]:
    """Return the words built in for each column of a layer.

    Parameters
    ----------
    layer : str
        Name of the layer, ``grid-staff`` among them.

    Returns
    -------
    dict of str to list of str
        Column to its words, the best first; without the name of the column itself.
    """
    words = {column: listed.split() for column, listed in _BY_LAYER[layer].items()}
    for column, listed in (_COMMON | (_NAMED if "code" in words else {})).items():
        words[column] = words.get(column, []) + listed.split()
    return words
