"""The store in PostGIS, and all SQL: private cluster, connections, migrations, queries."""
