"""Static files: compressed once, joined for map pages, and cached by browsers by their content."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.staticfiles import StaticFiles
from starlette.datastructures import Headers
from starlette.types import Scope

from geo.maps.builder import STYLES, VENDOR_SCRIPTS
from service.bundling import join_modules
from service.policy import AuditRule, SecuredRoute, allow
from service.state import app_state

_PACKED = (".js", ".css", ".svg")
router = APIRouter(
    include_in_schema=False, route_class=SecuredRoute,
    dependencies=[allow(public=True, scopes=(), audit=AuditRule.NONE)],
)  # fmt: skip


class PrecompressedStaticFiles(StaticFiles):
    """Static files whose compressed form is made once, not with every answer."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory=directory)
        self._packed: dict[tuple[str, float], bytes] = {}

    def _of(self, name: str, changed: float) -> bytes:
        key = (name, changed)
        if key not in self._packed:
            self._packed[key] = gzip.compress(Path(name).read_bytes(), 9, mtime=0)
        return self._packed[key]

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:  # fmt: skip
        """The file, packed where the browser takes that."""
        plain = super().file_response(full_path, stat_result, scope, status_code)
        headers = Headers(scope=scope)
        name = str(full_path)
        if (
            plain.status_code != 200
            or not name.endswith(_PACKED)
            or "gzip" not in headers.get("accept-encoding", "")
        ):
            return plain
        kept = {
            k: v
            for k, v in plain.headers.items()
            if k not in ("content-length", "content-encoding")
        }
        kept |= {"content-encoding": "gzip", "vary": "Accept-Encoding"}
        return Response(self._of(name, stat_result.st_mtime), headers=kept)


@dataclass(frozen=True)
class Bundle:
    """What one script of a page is joined from."""

    vendor: tuple[str, ...]
    """Scripts of others, in order; their names stay global."""
    entry: str
    """The ES module that the page runs, with all it imports."""


BUNDLES = {
    "maps.js": Bundle(VENDOR_SCRIPTS, "pages/maps.js"),
    "dashboard.js": Bundle(("vendor/uplot/uPlot.iife.min.js",), "pages/dashboard.js"),
    "jobs.js": Bundle(VENDOR_SCRIPTS[:2], "pages/jobs.js"),
    "setup.js": Bundle((), "pages/setup.js"),
    "video_wall.js": Bundle((), "pages/video_wall.js"),
}
"""The one script of each page; the three maps share one, which a browser has after the first."""
STYLE = "maps.css"


class PageAssets:
    """The script of each page and the styles of the map pages, joined and packed."""

    def __init__(self, static: Path, vendor: Path) -> None:
        self._static, self._vendor = static, vendor
        self._files: tuple[Path, ...] = ()
        self._stamp: tuple[int, ...] = ()
        self._packed: dict[str, bytes] = {}
        self._version = ""

    def _path(self, name: str) -> Path:
        below = name.removeprefix("vendor/")
        return (self._vendor if below != name else self._static) / below

    def _current(self) -> tuple[dict[str, bytes], str]:
        if not self._files or _changes(self._files) != self._stamp:
            self._join()
        return self._packed, self._version

    def _join(self) -> None:
        files: list[Path] = []
        bodies: dict[str, bytes] = {}
        for name, bundle in BUNDLES.items():
            vendor = [self._path(script) for script in bundle.vendor]
            script, modules = join_modules(self._static, bundle.entry)
            parts = [*(path.read_text("utf-8") for path in vendor), script]
            bodies[name] = ";\n".join(parts).encode()
            files += [*vendor, *modules]
        styles = [(name, self._path(name)) for name in STYLES]
        bodies[STYLE] = "\n".join(
            _rooted(path.read_text("utf-8"), name) for name, path in styles
        ).encode()
        files += [path for _, path in styles]
        self._version = hashlib.sha256(b"".join(bodies.values())).hexdigest()[:16]
        self._packed = {name: gzip.compress(body, 9, mtime=0) for name, body in bodies.items()}
        self._files, self._stamp = tuple(files), _changes(tuple(files))

    @property
    def version(self) -> str:
        """Another one whenever one of the files changed."""
        return self._current()[1]

    def address(self, name: str) -> str:
        """Return the address of a script under which browsers keep it for good."""
        return f"/static/{name}?v={self.version}"

    def respond(self, request: Request, name: str) -> Response:
        """Return a script or the styles; asked for by its version, a browser never asks again."""
        packed, version = self._current()
        is_current = request.query_params.get("v") == version
        headers = {
            "ETag": f'"{version}"',
            "Cache-Control": "public, max-age=31536000, immutable" if is_current else "no-cache",
            "Vary": "Accept-Encoding",
        }
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        body = packed[name]
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
        else:
            body = gzip.decompress(body)
        media = "text/css" if name == STYLE else "text/javascript"
        return Response(body, media_type=media, headers=headers)


def _changes(files: tuple[Path, ...]) -> tuple[int, ...]:
    return tuple(path.stat().st_mtime_ns for path in files)


def _rooted(style: str, name: str) -> str:
    """A style sheet whose relative addresses hold from the folder above all of them."""
    folder = name.rpartition("/")[0]
    return re.sub(
        r"url\((['\"]?)(?!data:|#|/)([^'\")]+)\1\)",
        lambda found: f"url({folder}/{found[2]})" if folder else found[0],
        style,
    )


async def _asset(request: Request) -> Response:
    """Return the script of a page, or the styles of the map pages."""
    return app_state(request).assets.respond(request, request.url.path.rpartition("/")[2])


for _name in (*BUNDLES, STYLE):
    router.add_api_route(f"/static/{_name}", _asset)
