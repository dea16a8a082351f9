"""Why a file was refused, in Chinese: what an error of ours says, and what to do next in the browser."""

from __future__ import annotations

import re
from functools import cache

FAILURES: tuple[tuple[str, str], ...] = (
    # Rows and columns.
    ("{rejected} of {read} rows cannot be used (", "{read} 行中有 {rejected} 行无法使用，未写入任何数据。请下载报告查看原因并修改文件，或只导入可用的行"),
    ("{layer} needs {columns}, which no header says; ", "没有表头对应字段 {columns}。请为文件表头选择对应字段，再次预览"),
    ("grid-staff needs the column {column}, which ", "没有表头对应字段 {column}。请为文件表头选择对应字段，再次预览"),
    ("--rename {pair}: {of} has no column {column}; ", "没有字段 {column}，请重新选择表头 {pair} 的对应字段"),
    ("--rename {pair}: the file has ", "文件中没有表头 {pair}，请重新选择对应字段"),
    ("--rename {pair}: {other} is renamed to {column} already; ", "表头 {other} 已对应字段 {column}，两个表头请只保留一个"),
    ("there is no layer {layer}; ", "没有图层 {layer}"),
    ("{layer} has no mapping {name}; ", "没有名为 {name} 的列对应关系，请重新选择"),
    ("a mapping needs a name of ", "列对应关系的名称须为 1 至 100 个字符"),
    ("--occurred {text}: write a year ", "时间范围“{text}”无法识别，请写年（2025）、月（2025-03）、日（2025-03-05）或起止（2025-01-01/2025-06-30）"),
    ("--occurred {text} ends before it begins", "时间范围“{text}”的结束早于开始，请对调"),
    ("--occurred {text} is before ", "时间范围“{text}”过早，请填写较晚的时间"),
    ("--occurred begins at {day}, which is in the future", "时间范围从 {day} 开始，晚于当前时间，请修改"),
    # Coordinates.
    ("{file} names no CRS; ", "{file} 未注明坐标系，请在选项中填写投影，例如 EPSG:4490"),
    ("the coordinates are metres (", "坐标为米而不是经纬度，请在选项中填写投影，例如 EPSG:4548"),
    ("{crs} is no known CRS; ", "没有坐标系 {crs}，请填写例如 EPSG:4490"),
    ("--datum {datum} is for degrees, ", "坐标基准 {datum} 只用于经纬度，而文件的坐标是米，请不要选择坐标基准"),
    ("unknown datum {datum}; ", "没有坐标基准 {datum}，请重新选择"),
    ("a datum shift works on degrees; ", "坐标基准转换只用于经纬度，请提供经纬度"),
    ("{file} lies outside the globe; ", "{file} 的坐标超出范围，请在文件中注明坐标系"),
    # Encodings and text.
    ("{file} is neither UTF-8, GB18030, Big5 nor UTF-16 text; ", "无法判断 {file} 的文字编码，请在选项中选择编码，或另存为 UTF-8"),
    ("{file}: the texts of its .dbf are neither ", "无法判断 {file} 中 .dbf 的文字编码，请在选项中选择编码，或附上 .cpg 文件"),
    ("{encoding} is no encoding; ", "不支持编码 {encoding}，请从列表中选择"),
    ("{file} is no {encoding} text; ", "{file} 的文字不是 {encoding} 编码，请选择其他编码，或选“自动识别”"),
    ("{file} is damaged {encoding} text", "{file} 的文字（{encoding}）已损坏，请重新保存"),
    ("{file} is in UTF-8 by its format; ", "{file} 的格式规定为 UTF-8，请将编码设为“自动识别”"),
    ("{file}, line {line}: a quotation mark opens ", "{file} 第 {line} 行的引号没有闭合，请补上引号，或删除该引号"),
    ("{file} begins with a line of more than ", "{file} 的第一行过长，请提供每行一条记录的表格"),
    ("{file} has a line, {line}, of more than ", "{file} 第 {line} 行过长，请提供每行一条记录的表格"),
    ("{file} is empty; ", "{file} 是空文件，请提供有表头和数据的文件"),
    ("{file} has a header but no rows; ", "{file} 只有表头，没有数据"),
    # Sheets and layers.
    ("{file} has no sheet {part}; ", "{file} 中没有工作表 {part}"),
    ("{file} has no layer {part}; ", "{file} 中没有图层 {part}"),
    ("{file} has no layer with geometry; ", "{file} 中没有带几何的图层，请提供带几何的图层"),
    ("{file} has the layers {names}, and ", "{file} 含多个图层（{names}），请只保留要导入的一个，再次上传"),
    ("{file} has no layers to choose from; ", "{file} 不分图层，请不要指定图层"),
    ("{file} holds no Shapefile but ", "{file} 中没有 Shapefile，请将 .shp、.shx、.dbf、.prj 一起压缩，其他文件请解压后导入"),
    ("{file} has no geometry; ", "{file} 没有几何，请提供带几何的图层"),
    ("{file} has no features; ", "{file} 没有要素，无可导入"),
    ("{file} has no polygons; ", "{file} 没有多边形，请提供多边形范围"),
    # Formats.
    ("{file}: unknown format {ending}; ", "不支持 {file} 的格式 {ending}，请使用 xlsx、csv、gpkg、geojson 或 Shapefile 压缩包"),
    ("{file} cannot be read: it is no {format} but ", "{file} 不是 {format} 文件，请重新导出"),
    ("{file} cannot be read: it is {format} and no GeoJSON; ", "{file} 是 {format}，不是 GeoJSON，请导出为 GeoJSON"),
    ("{file} cannot be read: it is no valid JSON ({where}); ", "{file} 不是有效的 JSON（{where}），请重新导出"),
    ("{file}, line {line}: it holds several JSON values, ", "{file} 第 {line} 行不是要素，请导出为一个要素集合，或每行一个要素"),
    ("{file}, line {line}: no valid JSON of a feature begins here; ", "{file} 第 {line} 行不是有效的要素，请重新导出"),
    ("{file} cannot be read: its brackets stand ", "{file} 的括号嵌套过深，请重新导出"),
    ("{file} cannot be read: a number in it has thousands of digits; ", "{file} 中有过长的数字，请重新导出"),
    ("{file} cannot be read: its table {table} is computed ", "{file} 的表 {table} 由程序计算，请将图层导出为单独的 GeoPackage"),
    ("{file} cannot be read: it refers to another file; ", "{file} 引用了其他文件，请保存为一个文件"),
    ("{file} cannot be read: what it holds is no Shapefile; ", "{file} 中的内容不是 Shapefile，请重新压缩"),
    ("{file} is open in another program, ", "{file} 正被其他程序打开，请关闭后再导入"),
    ("{file} is no readable {kind}: it is encrypted ", "{file} 已加密或压缩方式不支持，请去除密码后重新保存"),
    ("{file} is no readable {kind}: ", "{file} 已损坏，请重新保存"),
    ("{file} is no complete gzip file: ", "{file} 不完整，请重新压缩"),
    ("{file} cannot be read", "{file} 已损坏或与扩展名不符，请重新导出"),
    ("{file} cannot be opened: ", "{file} 无法打开"),
    ("{file} does not exist; ", "文件 {file} 不存在"),
    ("the process that read the file ", "读取文件的进程出错，请重试"),
    ("the file is not kept any more; ", "文件已不再保留，请重新上传"),
    # Limits.
    ("{file} unpacks to more than ", "{file} 解压后过大，请分成几部分导入"),
    ("{file} holds more than {n} files; ", "{file} 中的文件超过 {n} 个，请只压缩需要的文件"),
    ("{file} has {n} columns, and ", "{file} 有 {n} 列，过多，请去掉不需要的列"),
    ("{file} has more than {n} rows; ", "{file} 超过 {n} 行，请分成几部分导入"),
    ("{file} has more than {n} cells; ", "{file} 超过 {n} 个单元格，请分成几部分导入"),
    ("{file}: the shape of row {row} has {n} vertices, ", "{file} 第 {row} 行的图形有 {n} 个顶点，过多，请简化"),
    ("{file}: the shape of row {row} is of collections ", "{file} 第 {row} 行的图形嵌套过深，请提供多边形、线或点"),
    ("{file} takes more than {n} s to read; ", "{file} 读取超过 {n} 秒，请分成几部分导入"),
    ("{file} needs more than {n} MiB of memory ", "{file} 读取需要超过 {n} MiB 内存，请分成几部分导入"),
    ("The job needs more than {n} MiB of memory; ", "任务需要超过 {n} MiB 内存，未写入任何数据，请分成几部分导入"),
    # The deployment and its store.
    ("the dictionary {path}", "部署的词典文件有误，请联系管理员（{path}）"),
    ("rows of {layer} that are not in this extract cannot be removed, ", "{layer} 中有其他数据引用的行，无法删除"),
    ("{layer} could not be stored now: ", "数据库暂时不可用，未写入任何数据，请重试"),
    ("{layer} cannot be stored: ", "数据库拒绝了这些数据，未写入任何数据，请检查编码的引用关系"),
    ("the job was ended by another; ", "任务已被他人结束，未写入任何数据"),
    ("It was cancelled", "任务已取消，未写入任何数据"),
    ("Its worker died {n} times; ", "任务的进程 {n} 次中断，未写入任何数据，请联系管理员查看服务日志"),
    ("The {task} took more than {n} s and was ended; ", "任务超过 {n} 秒，已终止，未写入任何数据，请分成几部分导入"),
    ("The process of the {task} was ended by the system, ", "任务因内存不足被系统终止，未写入任何数据，请分成几部分导入"),
    ("The process of the {task} broke off (", "任务的进程中断，未写入任何数据，请重试"),
    ("The worker ended before ", "任务的进程中断，未写入任何数据，请重新提交"),
)  # fmt: skip
"""Beginning of a message, with a name for each part that varies, and the Chinese text of the same parts."""


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    found = []
    for english, chinese in FAILURES:
        parts = re.split(r"\{(\w+)\}", english)
        pattern = "".join(
            f"(?P<{part}>.+?)" if k % 2 else re.escape(part) for k, part in enumerate(parts)
        )
        found.append((re.compile(pattern, re.DOTALL), chinese))
    return tuple(found)


def chinese_failure(message: str) -> str | None:
    """Return a message of ours in Chinese; None where it is none of `FAILURES`.

    Parameters
    ----------
    message : str
        Of an error of ours.
    """
    for pattern, chinese in _patterns():
        if found := pattern.match(message):
            return chinese.format(**found.groupdict())
    return None


def explain_failure(message: str) -> dict[str, str]:
    """Return a message for the outcome of a job, in English and, where it is one of ours, in Chinese.

    Parameters
    ----------
    message : str
        Of an error.
    """
    chinese = chinese_failure(message)
    return {"reason": message} | ({} if chinese is None else {"reason_zh": chinese})
