"""Frames and failures as answers."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import geopandas as gpd
from fastapi import Response
from fastapi.responses import JSONResponse

from geo.export import features

_UTC = ZoneInfo("UTC")


def geojson(frame: gpd.GeoDataFrame, *, digits: int) -> Response:
    """A feature collection; missing values are null, coordinates in `digits` decimals."""
    told = ",".join(features(frame, digits=digits, zone=_UTC))
    body = f'{{"type":"FeatureCollection","features":[{told}]}}'
    return Response(body, media_type="application/geo+json")


def problem(status: int, title: str, detail: str) -> JSONResponse:
    """A failure as problem details (RFC 9457)."""
    return JSONResponse(
        {"type": "about:blank", "title": title, "status": status, "detail": detail},
        status_code=status,
        media_type="application/problem+json",
    )
