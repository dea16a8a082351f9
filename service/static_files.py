"""Static files: compressed once, joined for pages, and cached by browsers by their content."""

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

_COMPRESSED_ENDINGS = (".js", ".css", ".svg")
router = APIRouter(
    include_in_schema=False,
    route_class=SecuredRoute,
    dependencies=[allow(public=True, scopes=(), audit=AuditRule.NONE)],
)


class PrecompressedStaticFiles(StaticFiles):
    """Static files that are compressed once, not for every response.

    Parameters
    ----------
    directory : Path
        Folder of the files.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__(directory=directory)
        self._compressed: dict[tuple[str, float], bytes] = {}

    def _compress(self, name: str, modified_at: float) -> bytes:
        key = (name, modified_at)
        if key not in self._compressed:
            self._compressed[key] = gzip.compress(Path(name).read_bytes(), 9, mtime=0)
        return self._compressed[key]

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """Return a file, compressed if the browser accepts that.

        Parameters
        ----------
        full_path : str or os.PathLike
            Path of the file.
        stat_result : os.stat_result
            Status of the file.
        scope : Scope
            Scope of the request.
        status_code : int, default 200
            Status of the response.

        Returns
        -------
        Response
            The file; 304 if the browser has it already.
        """
        plain = super().file_response(full_path, stat_result, scope, status_code)
        headers = Headers(scope=scope)
        name = str(full_path)
        if (
            plain.status_code != 200
            or not name.endswith(_COMPRESSED_ENDINGS)
            or "gzip" not in headers.get("accept-encoding", "")
        ):
            return plain
        response_headers = {
            header: value
            for header, value in plain.headers.items()
            if header not in ("content-length", "content-encoding")
        }
        response_headers |= {"content-encoding": "gzip", "vary": "Accept-Encoding"}
        return Response(self._compress(name, stat_result.st_mtime), headers=response_headers)


@dataclass(frozen=True)
class Bundle:
    """Parts of the script of one page."""

    vendor: tuple[str, ...]
    """Third-party scripts, in order; their names stay global."""
    entry: str
    """Entry module of the page; its imports are joined with it."""


BUNDLES = {
    "maps.js": Bundle(VENDOR_SCRIPTS, "pages/maps.js"),
    "dashboard.js": Bundle(("vendor/uplot/uPlot.iife.min.js",), "pages/dashboard.js"),
    "jobs.js": Bundle(VENDOR_SCRIPTS[:2], "pages/jobs.js"),
    "setup.js": Bundle((), "pages/setup.js"),
    "video_wall.js": Bundle((), "pages/video_wall.js"),
}
"""Script of each page; the three maps share one, so that browsers load it once."""
STYLE = "maps.css"
"""Joined style sheet of the map pages."""


class PageAssets:
    """Script of each page and style sheet of the map pages, joined and compressed.

    Parameters
    ----------
    static : Path
        Folder of the own static files.
    vendor : Path
        Folder of the third-party files.
    """

    def __init__(self, static: Path, vendor: Path) -> None:
        self._static, self._vendor = static, vendor
        self._files: tuple[Path, ...] = ()
        self._stamp: tuple[int, ...] = ()
        self._compressed: dict[str, bytes] = {}
        self._version = ""

    def _path(self, name: str) -> Path:
        below = name.removeprefix("vendor/")
        return (self._vendor if below != name else self._static) / below

    def _current(self) -> tuple[dict[str, bytes], str]:
        if not self._files or _changes(self._files) != self._stamp:
            self._join()
        return self._compressed, self._version

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
        self._compressed = {name: gzip.compress(body, 9, mtime=0) for name, body in bodies.items()}
        self._files, self._stamp = tuple(files), _changes(tuple(files))

    @property
    def version(self) -> str:
        """Return a text that changes when one of the files changes.

        Returns
        -------
        str
            First 16 hexadecimal digits of the SHA-256 digest of all files.
        """
        return self._current()[1]

    def address(self, name: str) -> str:
        """Return the address of a file under which browsers may cache it for ever.

        Parameters
        ----------
        name : str
            Name of a bundle or style sheet.

        Returns
        -------
        str
            Path with the version.
        """
        return f"/static/{name}?v={self.version}"

    def respond(self, request: Request, name: str) -> Response:
        """Return the response with a script or style sheet.

        Parameters
        ----------
        request : Request
            Request; with the current version as query `v`, the response may be cached for ever.
        name : str
            Name of a bundle or style sheet.

        Returns
        -------
        Response
            The file; 304 if the browser has it already.
        """
        files, version = self._current()
        is_current = request.query_params.get("v") == version
        headers = {
            "ETag": f'"{version}"',
            "Cache-Control": "public, max-age=31536000, immutable" if is_current else "no-cache",
            "Vary": "Accept-Encoding",
        }
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        body = files[name]
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
        else:
            body = gzip.decompress(body)
        media = "text/css" if name == STYLE else "text/javascript"
        return Response(body, media_type=media, headers=headers)


def _changes(files: tuple[Path, ...]) -> tuple[int, ...]:
    return tuple(path.stat().st_mtime_ns for path in files)


def _rooted(style: str, name: str) -> str:
    """Return a style sheet with relative addresses that start at the root of static files."""
    folder = name.rpartition("/")[0]
    return re.sub(
        r"url\((['\"]?)(?!data:|#|/)([^'\")]+)\1\)",
        lambda match: f"url({folder}/{match[2]})" if folder else match[0],
        style,
    )


async def _asset(request: Request) -> Response:
    """Return the script of a page, or the style sheet of the map pages."""
    return app_state(request).assets.respond(request, request.url.path.rpartition("/")[2])


for _name in (*BUNDLES, STYLE):
    router.add_api_route(f"/static/{_name}", _asset)
