"""Geometry shared by all packages: shapes of layers, checks, rings, bucket grid, lattice."""
