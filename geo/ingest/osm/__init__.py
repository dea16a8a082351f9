"""Import any city from OpenStreetMap: `importing` stores what `geo.osm` reads."""
