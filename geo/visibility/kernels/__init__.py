"""Compiled kernels of visibility: an angular sweep that returns exact polygons, holes included.

Seen from the eye, everything that bounds sight is a straight segment: a wall, a wall scaled away
from the eye to where its shadow ends, a chord of the arcs of the sector (`segments`, `gathering`).
Along a ray each segment adds one to, or takes one from, the number of things that hide the ground
beyond it, and ground is visible where that number is zero. Between two neighbouring events (ends
of segments and crossings) the order of the segments along the ray does not change, so each slab
is a few trapezoids (`slabs`). These are written at once where every slab is one piece (`star`);
elsewhere they are joined to rings by node numbers, never by comparing coordinates (`boundary`,
`rings`).

The inverse distance of a line is linear in the unit vector of the ray: a·x + b·y, so ordering
needs no division.
"""
