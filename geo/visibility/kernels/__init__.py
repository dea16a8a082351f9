"""Compiled kernels of visibility: an angular sweep that returns exact polygons, holes included.

Everything that bounds the view from a viewpoint (an eye) is a straight segment: a wall, a wall
scaled away from the viewpoint to where its shadow ends, a chord of the arcs of the sector
(`segments`, `gathering`). Along a ray each segment adds one to, or subtracts one from, the number
of objects that hide the ground beyond it, and ground is visible where that number is zero. Between
two neighbouring events (ends of segments and crossings) the order of the segments along the ray
does not change, so each slab is a few trapezoids (`slabs`, `rim`, `splits`). These are written at
once where every slab is one piece (`star`); elsewhere they are joined to rings by node numbers,
never by comparing coordinates (`boundary`, `tracing`, `rings`).

The inverse distance of a line is linear in the unit vector of the ray: a·x + b·y, so ordering
needs no division.
"""
