"""Import of OpenStreetMap extracts: `importing` stores the rows that `geo.osm` extracts."""
