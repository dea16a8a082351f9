"""OpenStreetMap extracts as rows of our layers: tags to values, and the parser in a process of its own.

Nothing here holds a connection or reads a setting; `geo.ingest.osm` stores the rows.
"""
