"""OpenStreetMap extracts as rows of registers: tags to values, and the parser in its own process.

No module here holds a connection or reads a setting; `geo.ingest.osm` stores the rows.
"""
