"""Geometry that every part of the library shares: shapes out of layers, checked once."""
