"""Any city from OpenStreetMap: buildings, streets, cameras, areas, key places and land cover.

`importing` is what others call; `extraction` runs in a process of its own.
"""
