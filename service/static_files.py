"""Static files: compressed once, joined for map pages, and cached by browsers by their content."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.staticfiles import StaticFiles
from starlette.datastructures import Headers
from starlette.types import Scope

from geo.maps.builder import SCRIPTS, STYLES
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


class AssetBundles:
    """The scripts of every map page as one file, and its styles as another."""

    def __init__(self, static: Path, vendor: Path) -> None:
        def found(name: str) -> tuple[str, Path]:
            below = name.removeprefix("vendor/")
            return name, (vendor if below != name else static) / below

        self._files = {
            "maps.js": [found(name) for name in SCRIPTS],
            "maps.css": [found(name) for name in STYLES],
        }
        self._stamp: tuple[int, ...] = ()
        self._made: tuple[dict[str, bytes], str] = ({}, "")

    def _current(self) -> tuple[dict[str, bytes], str]:
        stamp = tuple(p.stat().st_mtime_ns for files in self._files.values() for _, p in files)
        if stamp != self._stamp:
            script = ";\n".join(path.read_text("utf-8") for _, path in self._files["maps.js"])
            style = "\n".join(
                _rooted(path.read_text("utf-8"), name) for name, path in self._files["maps.css"]
            )
            bodies = {"maps.js": script.encode(), "maps.css": style.encode()}
            version = hashlib.sha256(b"".join(bodies.values())).hexdigest()[:16]
            packed = {name: gzip.compress(body, 9, mtime=0) for name, body in bodies.items()}
            self._made, self._stamp = (packed, version), stamp
        return self._made

    @property
    def version(self) -> str:
        """Another whenever one of the files changed."""
        return self._current()[1]

    def answer(self, request: Request, name: str, media: str) -> Response:
        """One of the two files; asked for by its version, a browser never asks again."""
        packed, version = self._current()
        mine = request.query_params.get("v") == version
        headers = {
            "ETag": f'"{version}"',
            "Cache-Control": "public, max-age=31536000, immutable" if mine else "no-cache",
            "Vary": "Accept-Encoding",
        }
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        body = packed[name]
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
        else:
            body = gzip.decompress(body)
        return Response(body, media_type=media, headers=headers)


def _rooted(style: str, name: str) -> str:
    """A style sheet whose relative addresses hold from the folder above all of them."""
    folder = name.rpartition("/")[0]
    return re.sub(
        r"url\((['\"]?)(?!data:|#|/)([^'\")]+)\1\)",
        lambda found: f"url({folder}/{found[2]})" if folder else found[0],
        style,
    )


@router.get("/static/maps.js")
async def scripts(request: Request) -> Response:
    """All scripts of the map pages."""
    joined: AssetBundles = app_state(request).assets
    return joined.answer(request, "maps.js", "text/javascript")


@router.get("/static/maps.css")
async def styles(request: Request) -> Response:
    """All styles of the map pages."""
    joined: AssetBundles = app_state(request).assets
    return joined.answer(request, "maps.css", "text/css")
