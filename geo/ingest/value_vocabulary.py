"""Words of values: which word in a cell means which stored value."""

from __future__ import annotations

VALUE_WORDS: dict[tuple[str, str], dict[str, str]] = {
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
        "none": "none 1 无补光 无",
        "infrared": "infrared 2 红外补光 红外",
        "white": "white 3 白光补光 白光",
        "laser": "laser 4 激光补光 激光",
        "other": "other 9 其他 其它",
    },
    ("cameras", "place_kinds"): {
        "checkpoint": "1 省际检查站",
        "government": "2 党政机关",
        "station": "3 车站码头 platform bus_stop",
        "square": "4 中心广场",
        "stadium": "5 体育场馆",
        "commerce": "6 商业中心 shop",
        "worship": "7 宗教场所",
        "school": "8 校园周边",
        "disorder": "9 治安复杂区域",
        "road": "10 交通干线 traffic street highway",
        "hospital": "11 医院周边",
        "finance": "12 金融机构周边 bank atm",
        "hazardous": "13 危险物品场所周边",
        "museum": "14 博物馆展览馆",
        "waterway": "15 重点水域航道",
        "city_checkpoint": "96 市际公安检查站",
        "foreign": "97 涉外场所",
        "border": "98 边境沿线",
        "scenic": "99 旅游景区",
    },
    ("cameras", "functions"): {
        "vehicle_checkpoint": "1 车辆卡口 alpr anpr",
        "person_checkpoint": "2 人员卡口",
        "micro_checkpoint": "3 微卡口",
        "feature": "4 特征摄像机",
        "ordinary": "5 普通监控 camera",
        "lookout": "6 高空瞭望",
        "other": "99 其他 其它",
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
        "exact": "exact 精确 准确",
        "road": "road street 道路 路段",
        "grid": "grid 网格",
        "none": "none 无",
    },
}
"""Words of each stored value, by layer and column."""

TRUE_WORDS = frozenset(["1", "true", "yes", "y", "t", "是", "已联网", "联网", "on"])
FALSE_WORDS = frozenset(["0", "false", "no", "n", "f", "否", "未联网", "不联网", "off"])
