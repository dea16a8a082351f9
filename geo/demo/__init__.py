"""The demo district: seeded, fictitious, and plausible.

Everything lies on a lattice of streets, bent by a smooth warp: lattice cells are the grids, so
that grids follow streets; a river runs along one lattice line; an old quarter of lanes, towers,
slab housing and an industrial edge fill the blocks.
"""

from geo.demo.boundaries import boundaries_dir, make_boundaries, write_boundaries
from geo.demo.loading import demo_layers, load_demo
from geo.demo.plan import CRS

__all__ = [
    "CRS",
    "boundaries_dir",
    "demo_layers",
    "load_demo",
    "make_boundaries",
    "write_boundaries",
]
