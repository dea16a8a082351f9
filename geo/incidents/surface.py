"""Surface: a raster of figures over a district, as GeoTIFF and as contours."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pyproj
import shapely

from geo.errors import ColumnError, WriteError
from geo.geometry.shapes import polygon_parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geopandas import GeoDataFrame
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Surface:
    """Values on a regular raster over a district; NaN outside it.

    Examples
    --------
    >>> import geopandas as gpd, shapely, geo
    >>> district = gpd.GeoSeries([shapely.box(5e5, 0, 5e5 + 100, 50)], crs=32650)
    >>> points = gpd.GeoDataFrame(geometry=[shapely.Point(5e5 + 50, 25)], crs=32650)
    >>> geo.density_surface(points, district, 10.0, 50.0).values.shape
    (5, 10)
    """

    values: NDArray[np.float64]
    """Rows from north to south; incidents (or weight) per km², or a ratio."""
    west: float
    north: float
    """Outer corner of the first cell, metres."""
    cell_m: float
    """Side of a cell, metres."""
    crs: pyproj.CRS
    bandwidth_m: float
    """Bandwidth of the kernel, metres."""
    outside: int
    """Number of points outside the district, which do not count."""

    @property
    def transform(self) -> Any:
        """Return the affine transform of the raster.

        Returns
        -------
        affine.Affine
            From column and row to x and y, as rasterio uses it.
        """
        from rasterio.transform import from_origin

        return from_origin(self.west, self.north, self.cell_m, self.cell_m)

    @property
    def total(self) -> float:
        """Return the sum over the district, density times area.

        Returns
        -------
        float
            Incidents, or the sum of their weights.
        """
        return float(np.nansum(self.values) * self.cell_m**2 / 1e6)

    def to_geotiff(self, file: str | Path) -> None:
        """Write the values as a tiled, compressed GeoTIFF of 32-bit floats.

        Parameters
        ----------
        file : str or pathlib.Path
            Path of the file, which is replaced if it exists.

        Raises
        ------
        WriteError
            If the file cannot be written.
        """
        import rasterio

        rows, cols = self.values.shape
        try:
            with rasterio.open(
                file,
                "w",
                driver="GTiff",
                width=cols,
                height=rows,
                count=1,
                dtype="float32",
                crs=self.crs.to_wkt(),
                transform=self.transform,
                nodata=math.nan,
                tiled=True,
                blockxsize=256,
                blockysize=256,
                compress="deflate",
            ) as out:
                out.write(self.values.astype("float32"), 1)
                out.update_tags(bandwidth_m=self.bandwidth_m, unit="per km2")
        except (rasterio.errors.RasterioError, OSError) as error:
            raise WriteError(f"{file} cannot be written: {error}") from error

    def contours(self, levels: Sequence[float]) -> GeoDataFrame:
        """Return polygons of the ground between neighbouring levels.

        Parameters
        ----------
        levels : sequence of float
            At least two, rising; the last may be infinite.

        Returns
        -------
        geopandas.GeoDataFrame
            One row per band that has any ground: `low`, `high`, `geometry` (multipolygon). Between
            cell centres the surface is linear; the edge of the district is that of its cells'
            centres.

        Raises
        ------
        ColumnError
            If there are fewer than two levels, or they do not rise.
        """
        import contourpy

        edges = np.asarray(levels, float)
        if len(edges) < 2 or not (np.diff(edges) > 0).all():
            raise ColumnError("levels must be at least two and rise")
        rows, cols = self.values.shape
        x = self.west + (np.arange(cols) + 0.5) * self.cell_m
        y = self.north - (np.arange(rows) + 0.5) * self.cell_m
        generator = contourpy.contour_generator(
            x, y, np.ma.masked_invalid(self.values), fill_type="OuterOffset"
        )
        bands = []
        for low, high in pairwise(edges.tolist()):
            points, offsets = generator.filled(low, high)
            shapes = []
            for xy, ends in zip(points, offsets, strict=True):
                rings = [xy[a:b] for a, b in pairwise(ends.tolist())]
                shapes.append(shapely.Polygon(rings[0], rings[1:]))
            # Touching pieces of a band are one: the union is valid where a collection is not.
            if not shapes:
                continue
            polygons = polygon_parts(shapely.union_all(shapely.make_valid(shapes)))
            if len(polygons):
                geometry = shapely.MultiPolygon(polygons)
                bands.append({"low": low, "high": high, "geometry": geometry})
        columns = ["low", "high", "geometry"]
        return gpd.GeoDataFrame(bands, columns=columns, geometry="geometry", crs=self.crs)
