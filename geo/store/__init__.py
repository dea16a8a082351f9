"""The only room with SQL: the private cluster, migrations, reading and writing."""
