"""Frames as answers."""

from __future__ import annotations

import json

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from fastapi import Response


def geojson(frame: gpd.GeoDataFrame, *, digits: int) -> Response:
    """A feature collection; missing values are null, coordinates in `digits` decimals."""
    shapes = shapely.set_precision(
        np.asarray(frame.geometry.values), 10.0**-digits, mode="pointwise"
    )
    properties = pd.DataFrame(frame.drop(columns=frame.geometry.name)).astype(object)
    properties = properties.where(properties.notna(), None)
    told = [shape or "null" for shape in shapely.to_geojson(shapes)]
    features = [
        f'{{"type":"Feature","properties":{json.dumps(row, ensure_ascii=False)},"geometry":{shape}}}'
        for row, shape in zip(properties.to_dict("records"), told, strict=True)
    ]
    body = '{"type":"FeatureCollection","features":[' + ",".join(features) + "]}"
    return Response(body, media_type="application/geo+json")
