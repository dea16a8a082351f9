"""`import_file` of workbooks and exports with the faults that real ones have."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import geopandas as gpd
import openpyxl
import pytest
import shapely

from geo.errors import RejectedRows
from geo.governance.camera_quality import camera_findings
from geo.ingest import ImportOptions, ImportOutcome, import_file
from geo.store.connection import connect
from geo.store.queries.registers import read_layer

# The 73 headers of a template for camera registers (一机一档).
TEMPLATE = """序号|设备编码（*）|原设备编码|设备名称（*）|行政区划编码（*）|监控点位类型（*）
拾音器|父设备|建设单位/设备归属（*）|建设单位/平台归属代码（*）|管理单位（*）
摄像机所属部门（警种）（*）|管理员姓名（*）|管理员联系电话（*）|承建单位（*）|维护单位（*）
设备厂商（*）|设备型号|摄像机类型（*）|接入方式|摄像机功能类型（*）|视频编码格式（*）
图像分辨率（*）|摄像机补光属性|后端结构化|镜头类型|安装类型|高度类型（*）|所属辖区公安机关（*）
安装地址（*）|周边标志（*）|经度（*）|纬度（*）|摄像机安装位置室内外（*）|摄像机监控方位（*）
立杆编号（*）|摄像机实景图片|联网属性|接入网络（*）|IPv4地址（*）|IPv6地址|设备MAC地址（*）
访问端口|关联编码器|设备用户名|设备口令|通道号|连接协议|启用时间（*）|报废时间|设备状态（*）
巡检状态|视频丢失|色彩失真|视频模糊|亮度异常|视频干扰|视频卡顿|视频遮挡|场景变更|在线时长
离线时长|信令时延|视频流时延|关键帧时延|录像保存天数（*）|存储设备编码|存储通道号|存储类型
缓存设置|备注|采集区域类型（*）|更新时间"""
HEADERS = [header for line in TEMPLATE.split("\n") for header in line.split("|")]


@pytest.fixture(autouse=True)
def _work_in_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def import_layer(store: str, layer: str, path: Path, **options: object) -> ImportOutcome:
    with connect(store) as conn:
        return import_file(conn, layer, path, ImportOptions(**options))  # type: ignore[arg-type]


def import_district(store: str) -> None:
    west, east = shapely.box(118.0, 30.9, 118.1, 31.0), shapely.box(118.1, 30.9, 118.2, 31.0)
    areas = gpd.GeoDataFrame(
        {
            "code": ["340203001001", "340203001002"],
            "name": ["东街社区", "西街社区"],
            "level": "community",
        },
        geometry=[west, east],
        crs=4326,
    )
    areas.to_file("areas.geojson")
    import_layer(store, "areas", Path("areas.geojson"))
    codes = ["340203001001001", "340203001002001"]
    grids = gpd.GeoDataFrame({"code": codes, "name": codes}, geometry=[west, east], crs=4326)
    grids.to_file("grids.geojson")
    import_layer(store, "grids", Path("grids.geojson"))


def test_import_file_recognises_a_template_of_73_columns(store: str) -> None:
    import_district(store)
    assert len(HEADERS) == 73
    row: dict[str, Any] = dict.fromkeys(HEADERS) | {
        "序号": 1,
        "设备编码（*）": "34020300001320000001",
        "设备名称（*）": "东街路口",
        "行政区划编码（*）": "340203",
        "监控点位类型（*）": 1,
        "管理单位（*）": "镜湖分局",
        "摄像机类型（*）": 3,
        "摄像机功能类型（*）": "1/5",
        "图像分辨率（*）": "1920*1080",
        "摄像机补光属性": 2,
        "经度（*）": 118.05,
        "纬度（*）": 30.95,
        "摄像机安装位置室内外（*）": 1,
        "摄像机监控方位（*）": 5,
        "联网属性": 1,
        "设备口令": "admin123",
        "启用时间（*）": dt.datetime(2021, 3, 5),  # noqa: DTZ001
        "报废时间": None,
        "设备状态（*）": 1,
        "录像保存天数（*）": 30,
        "采集区域类型（*）": "8/10",
        "IPv4地址（*）": "10.0.0.8",
    }
    workbook = openpyxl.Workbook()
    workbook.active.append(HEADERS)
    workbook.active.append(list(row.values()))
    workbook.save("73.xlsx")
    outcome = import_layer(store, "cameras", Path("73.xlsx"))
    assert outcome.rejected == outcome.repaired == 0
    assert [(f.reason, f.column) for f in outcome.findings] == [
        ("passwords_not_stored", "设备口令")
    ]
    recognised = {
        "code": "设备编码（*）",
        "name": "设备名称（*）",
        "point_class": "监控点位类型（*）",
        "owner": "管理单位（*）",
        "kind": "摄像机类型（*）",
        "functions": "摄像机功能类型（*）",
        "pixels_wide": "图像分辨率（*）",
        "supplement_light": "摄像机补光属性",
        "lon": "经度（*）",
        "lat": "纬度（*）",
        "room": "摄像机安装位置室内外（*）",
        "bearing_deg": "摄像机监控方位（*）",
        "network": "联网属性",
        "installed_on": "启用时间（*）",
        "retired_on": "报废时间",
        "status": "设备状态（*）",
        "place_kinds": "采集区域类型（*）",
    }
    assert outcome.recognised == recognised
    with connect(store) as conn:
        camera = read_layer(conn, "cameras").iloc[0]
        stored_extra = conn.execute("SELECT extra FROM cameras").fetchone()
    expected = {
        "code": "34020300001320000001",
        "kind": "fixed",
        "functions": "vehicle_checkpoint/ordinary",
        "pixels_wide": 1920,
        "supplement_light": "infrared",
        "room": "outdoor",
        "bearing_deg": 135.0,
        "network": True,
        "installed_on": dt.date(2021, 3, 5),
        "status": "working",
        "place_kinds": "school/road",
        "point_class": "public",
        "owner": "镜湖分局",
    }
    assert {name: camera[name] for name in expected} == expected
    assert stored_extra == (
        {
            "序号": "1",
            "行政区划编码（*）": "340203",
            "IPv4地址（*）": "10.0.0.8",
            "录像保存天数（*）": "30",
        },
    )


FAULTY_HEADERS = [
    "设备编码（*）",
    "设备\n名称",
    "摄像机类型",
    "监控方位【1-8】",
    "水平视场角(度)",
    "可视距离（米）",
    "图像分辨率",
    "经度＊",
    "设备维度",
    "设备状态",
    "联网属性",
    "补光属性",
    "摄像机位置类型",
    "安装时间",
    "报废时间",
    "所属社区",
    "监控点位类型",
    "室内外",
    "备注",
]
VALID_ROW = dict(
    zip(
        FAULTY_HEADERS,
        [
            None,
            "路口",
            "3",
            "1",
            "70",
            "60",
            "200万",
            "118.05",
            "30.95",
            "在用",
            "已联网",
            "1",
            "8/10",
            "2020-05-01",
            None,
            "东街社区",
            "一类",
            "室外",
            None,
        ],
        strict=True,
    )
)
CODE, LON, LAT = "设备编码（*）", "经度＊", "设备维度"


def device_number(serial: int) -> str:
    return f"3402030000132{serial:07d}"


# Cells that replace those of the valid row, and the expected findings: (action, reason).
ROWS: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    ({}, []),
    (
        {CODE: 3.4020300001320e19},
        [("rejected", "scientific_notation_of_code")],
    ),
    (
        {CODE: "3.40203E+19"},
        [("rejected", "scientific_notation_of_code")],
    ),
    ({CODE: None}, [("rejected", "empty_value")]),
    ({CODE: device_number(1), "设备状态": "离线"}, [("rejected", "repeated_key")]),
    ({LON: None, LAT: None}, [("rejected", "no_coordinates")]),
    ({LON: 0, LAT: 0}, [("rejected", "zero_coordinates")]),
    ({LON: "东经一百一十八度"}, [("rejected", "unreadable_coordinates")]),
    ({LON: "121.47", LAT: "31.23"}, [("rejected", "outside_district")]),
    ({LON: "30.95", LAT: "118.05"}, [("repaired", "axes_exchanged")]),
    ({LON: "118°03′00″E", LAT: "３０．９５"}, []),
    ({"水平视场角(度)": "0", "可视距离（米）": 0, "监控方位【1-8】": 0}, []),
    ({"水平视场角(度)": "720"}, [("repaired", "impossible_value/fov_deg")]),
    ({"可视距离（米）": "-5"}, [("repaired", "impossible_value/range_m")]),
    ({"可视距离（米）": "很远"}, [("repaired", "not_a_number")]),
    ({"安装时间": "2021-02-30"}, [("repaired", "impossible_date")]),
    ({"安装时间": "2999-01-01"}, [("repaired", "date_in_future")]),
    ({"安装时间": 44197}, []),
    ({"安装时间": "2021年3月5日"}, []),
    ({"安装时间": "2021.3.5"}, []),
    (
        {"安装时间": "2022-01-01", "报废时间": "2020-01-01"},
        [("repaired", "retired_before_installed")],
    ),
    ({"设备状态": "待查"}, [("repaired", "unknown_value/status")]),
    ({"设备状态": "3"}, []),
    ({"摄像机类型": "0"}, []),
    ({"联网属性": "2"}, [("repaired", "not_a_boolean")]),
    ({"图像分辨率": "1920x1080/4MP"}, []),
    ({"图像分辨率": "高清"}, [("repaired", "not_a_number")]),
    ({"所属社区": "西街社区"}, []),
    ({"监控方位【1-8】": None}, []),
    ({"备注": "靠墙"}, []),
    ({CODE: "34020300001180000077"}, [("noted", "device_number_invalid")]),
    ({CODE: "0150123456789012345X"}, []),
    ({CODE: "00420"}, []),
]


def make_workbook(path: Path) -> int:
    workbook = openpyxl.Workbook()
    instructions = workbook.active
    instructions.title = "填表说明"
    instructions.append(["带*为必填项，经纬度为WGS84"])
    sheet = workbook.create_sheet("一机一档")
    sheet.append(["××区视频监控一机一档登记表"])
    sheet.append(["填报单位：", None, "日期："])
    sheet.append(FAULTY_HEADERS)
    for k, (changes, _) in enumerate(ROWS, start=1):
        cells = VALID_ROW | {CODE: device_number(k)} | changes
        sheet.append(list(cells.values()))
        if k == 1:
            sheet.append([None] * len(FAULTY_HEADERS))
    sheet.append(list((VALID_ROW | {CODE: device_number(1)}).values()))  # the first row repeated
    workbook.save(path)
    return 4  # line of the first row


def line_of(first_line: int, row: int) -> int:
    """Return the line of a row, counted from 0; an empty line follows the first row."""
    return first_line + row + (1 if row else 0)


def test_import_file_reports_every_fault_of_a_workbook(store: str) -> None:
    import_district(store)
    first_line = make_workbook(Path("ugly.xlsx"))
    with pytest.raises(RejectedRows, match="nothing was stored"):
        import_layer(store, "cameras", Path("ugly.xlsx"))
    with connect(store) as conn:
        assert read_layer(conn, "cameras").empty
    outcome = import_layer(store, "cameras", Path("ugly.xlsx"), accept_rejects=True)
    expected = {
        (line_of(first_line, k), *finding)
        for k, (_, findings) in enumerate(ROWS)
        for finding in findings
    }
    expected.add((line_of(first_line, len(ROWS)), "rejected", "repeated_row"))
    expected |= {
        (0, "noted", "sheet_not_read"),
        (1, "noted", "line_above_header_not_read"),
        (2, "noted", "line_above_header_not_read"),
    }
    assert {(f.line, f.action, f.code) for f in outcome.findings} == expected
    assert len(outcome.findings) == len(expected)
    rejected = [
        k
        for k, (_, findings) in enumerate(ROWS)
        if any(action == "rejected" for action, _ in findings)
    ]
    assert outcome.rejected == len(rejected) + 1
    assert outcome.accepted == len(ROWS) - len(rejected)
    with connect(store) as conn:
        cameras = read_layer(conn, "cameras")
        grids, areas = read_layer(conn, "grids"), read_layer(conn, "areas")
        assert conn.execute(
            "SELECT extra FROM cameras WHERE code = %s", (device_number(30),)
        ).fetchone() == ({"备注": "靠墙"},)
    assert len(cameras) == outcome.accepted
    row = cameras.loc[device_number(1)]
    assert (row["kind"], row["bearing_deg"], row["fov_deg"], row["pixels_wide"]) == (
        "fixed",
        90,
        70,
        1886,
    )
    assert (row["status"], row["network"], row["supplement_light"]) == ("working", True, "none")
    assert (row["place_kinds"], row["point_class"], row["room"]) == (
        "school/road",
        "public",
        "outdoor",
    )
    assert cameras.loc[device_number(11)].geometry.equals_exact(shapely.Point(118.05, 30.95), 1e-9)
    assert cameras.loc[device_number(12), ["fov_deg", "range_m", "bearing_deg"]].isna().all()
    assert str(cameras.loc[device_number(18), "installed_on"]) == "2021-01-01"
    assert str(cameras.loc[device_number(19), "installed_on"]) == "2021-03-05"
    assert str(cameras.loc[device_number(20), "installed_on"]) == "2021-03-05"
    assert cameras.loc[device_number(23), "status"] == "retired"
    assert cameras.loc[device_number(24), "kind"] == "unknown"
    assert cameras.loc[device_number(26), "pixels_wide"] == 2667
    assert "00420" in cameras.index
    # Faults that an import accepts are data-quality issues of the register.
    crs = "EPSG:32650"
    issue_table = camera_findings(
        cameras.to_crs(crs), grids.to_crs(crs), areas.to_crs(crs), today=dt.date(2026, 11, 1)
    )
    issues = set(zip(issue_table["code"], issue_table["finding"], strict=True))
    assert (device_number(28), "outside_stated_community") in issues
    assert (device_number(29), "bearing_missing") in issues
    assert (device_number(12), "range_missing") in issues
    assert (device_number(1), "same_place_as_another_camera") in issues
    assert ("34020300001180000077", "device_number_invalid") in issues
    # A second import of the same file changes nothing.
    unchanged = import_layer(store, "cameras", Path("ugly.xlsx"), accept_rejects=True)
    assert (unchanged.inserted, unchanged.updated, unchanged.unchanged) == (0, 0, outcome.accepted)


def test_import_file_reports_every_fault_of_a_hotline_export(store: str) -> None:
    import_district(store)
    header = (
        "工单号|来源系统|一级分类|二级分类|诉求时间|受理时间|办结时间|应办结时间|满意率|"
        "定位精度|经度|纬度|所属网格|区县"
    )
    grid = "340203001001001"
    rows = [
        "G1|12345热线|城管|占道|2026-10-01 08:00|2026-10-01 09:00|2026-10-03 09:00|2026-10-05|"
        "满意|精确|118.05|30.95||x",
        f"G2|12345热线|城管|占道|2026/10/1 8:00:00||||85%|网格|||{grid}|x",
        "G3|12345热线|城管|占道|2026-10-01 08:00||||||||990|x",
        "G4|12345热线|城管|占道|||||||118.05|30.95||x",
        "G1|12345热线|城管|占道|2026-10-01 08:00||||||118.05|30.95||x",
        "G1|网格系统|城管|占道|2026-10-01 08:00|||||道路|118.05|30.95||x",
        "G6|12345热线|||20261001083000|||||精确|118.05|30.95||x",
        "G7|12345热线|城管|占道|2025-10-01|||||街区|118.05|30.95||x",
        "G8|12345热线|城管|占道|2026-10-01 08:00|||||精确|||" + f"{grid}|x|surplus",
        "G9|12345热线|城管|占道|2026-10-01 08:00|||||||||x",
    ]
    Path("hotline.csv").write_bytes("\r\n".join([header, *rows]).encode("gb18030"))
    outcome = import_layer(store, "incidents", Path("hotline.csv"), accept_rejects=True)
    assert {(f.line, f.action, f.code) for f in outcome.findings} == {
        (5, "rejected", "no_usable_time"),
        (6, "rejected", "repeated_key"),
        (9, "repaired", "unknown_value/precision"),
        (10, "rejected", "wrong_number_of_cells"),
        (11, "rejected", "no_coordinates"),
    }
    with connect(store) as conn:
        stored = conn.execute(
            "SELECT source, source_id, category, precision, satisfaction, grid, "
            "geometry IS NOT NULL FROM incidents ORDER BY source, source_id"
        ).fetchall()
    assert stored == [
        ("12345热线", "G1", "城管/占道", "exact", 75.0, None, True),
        ("12345热线", "G2", "城管/占道", "grid", 85.0, grid, False),
        ("12345热线", "G3", "城管/占道", "grid", None, "990", False),
        ("12345热线", "G6", "other", "exact", None, None, True),
        ("12345热线", "G7", "城管/占道", "exact", None, None, True),
        ("网格系统", "G1", "城管/占道", "road", None, None, True),
    ]
