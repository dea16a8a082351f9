CREATE EXTENSION IF NOT EXISTS postgis SCHEMA public;

CREATE TABLE areas (
    code text PRIMARY KEY CHECK (code <> ''),
    name text NOT NULL,
    name_en text,
    level text NOT NULL CHECK (level IN ('district', 'subdistrict', 'community')),
    parent text REFERENCES areas (code) DEFERRABLE INITIALLY DEFERRED,
    population integer CHECK (population >= 0),
    extra jsonb NOT NULL DEFAULT '{}',
    geometry geometry(MultiPolygon, 4326) NOT NULL CHECK (ST_IsValid(geometry) AND NOT ST_IsEmpty(geometry)),
    CHECK (parent IS NULL OR parent <> code)
);
CREATE INDEX areas_geometry ON areas USING gist (geometry);
CREATE INDEX areas_parent ON areas (parent);

CREATE TABLE grids (
    code text PRIMARY KEY CHECK (code <> ''),
    name text NOT NULL,
    name_en text,
    community text REFERENCES areas (code) DEFERRABLE INITIALLY DEFERRED,
    population integer CHECK (population >= 0),
    kind text NOT NULL DEFAULT 'basic' CHECK (kind IN ('basic', 'special')),
    extra jsonb NOT NULL DEFAULT '{}',
    geometry geometry(MultiPolygon, 4326) NOT NULL CHECK (ST_IsValid(geometry) AND NOT ST_IsEmpty(geometry))
);
CREATE INDEX grids_geometry ON grids USING gist (geometry);
CREATE INDEX grids_community ON grids (community);

CREATE TABLE grid_staff (
    grid text NOT NULL REFERENCES grids (code) ON DELETE CASCADE,
    role text NOT NULL CHECK (role IN ('head', 'full_time', 'part_time', 'police', 'legal', 'fire', 'other')),
    name text NOT NULL CHECK (name <> ''),
    phone text,
    PRIMARY KEY (grid, role, name)
);

CREATE TABLE cameras (
    code text PRIMARY KEY CHECK (code <> ''),
    name text,
    kind text NOT NULL DEFAULT 'unknown' CHECK (kind IN ('fixed', 'dome', 'ptz', 'panoramic', 'unknown')),
    bearing_deg double precision CHECK (bearing_deg >= 0 AND bearing_deg <= 360),
    fov_deg double precision CHECK (fov_deg > 0 AND fov_deg <= 360),
    range_m double precision CHECK (range_m > 0 AND range_m < 100000),
    near_m double precision CHECK (near_m >= 0 AND near_m < 100000),
    night_range_m double precision CHECK (night_range_m >= 0 AND night_range_m < 100000),
    height_m double precision CHECK (height_m > 0 AND height_m < 10000),
    pixels_wide integer CHECK (pixels_wide > 0),
    status text NOT NULL DEFAULT 'unknown' CHECK (status IN ('working', 'faulty', 'offline', 'retired', 'unknown')),
    network boolean,
    owner text,
    installed_on date,
    retired_on date,
    platform text,
    extra jsonb NOT NULL DEFAULT '{}',
    geometry geometry(Point, 4326) NOT NULL CHECK (NOT ST_IsEmpty(geometry)),
    CHECK (retired_on >= installed_on)
);
CREATE INDEX cameras_geometry ON cameras USING gist (geometry);

CREATE TABLE buildings (
    id text PRIMARY KEY CHECK (id <> ''),
    height_m double precision CHECK (height_m >= 0 AND height_m < 2000),
    extra jsonb NOT NULL DEFAULT '{}',
    geometry geometry(MultiPolygon, 4326) NOT NULL CHECK (ST_IsValid(geometry) AND NOT ST_IsEmpty(geometry))
);
CREATE INDEX buildings_geometry ON buildings USING gist (geometry);

CREATE TABLE streets (
    id text PRIMARY KEY CHECK (id <> ''),
    name text,
    name_en text,
    class text NOT NULL DEFAULT 'local'
        CHECK (class IN ('motorway', 'trunk', 'primary', 'secondary', 'tertiary', 'local', 'lane')),
    extra jsonb NOT NULL DEFAULT '{}',
    geometry geometry(MultiLineString, 4326) NOT NULL CHECK (NOT ST_IsEmpty(geometry))
);
CREATE INDEX streets_geometry ON streets USING gist (geometry);

CREATE TABLE landcover (
    id text PRIMARY KEY CHECK (id <> ''),
    name text,
    name_en text,
    class text NOT NULL CHECK (class IN ('water', 'green', 'industrial', 'square')),
    extra jsonb NOT NULL DEFAULT '{}',
    geometry geometry(MultiPolygon, 4326) NOT NULL CHECK (ST_IsValid(geometry) AND NOT ST_IsEmpty(geometry))
);
CREATE INDEX landcover_geometry ON landcover USING gist (geometry);

CREATE TABLE key_places (
    code text PRIMARY KEY CHECK (code <> ''),
    name text NOT NULL,
    name_en text,
    kind text NOT NULL,
    required_share double precision NOT NULL DEFAULT 1 CHECK (required_share >= 0 AND required_share <= 1),
    extra jsonb NOT NULL DEFAULT '{}',
    geometry geometry(MultiPolygon, 4326) NOT NULL CHECK (ST_IsValid(geometry) AND NOT ST_IsEmpty(geometry))
);
CREATE INDEX key_places_geometry ON key_places USING gist (geometry);

CREATE TABLE incidents (
    source text NOT NULL CHECK (source <> ''),
    source_id text NOT NULL CHECK (source_id <> ''),
    category text NOT NULL DEFAULT 'other',
    occurred_at timestamptz,
    occurred_from timestamptz,
    occurred_to timestamptz,
    reported_at timestamptz,
    accepted_at timestamptz,
    closed_at timestamptz,
    satisfaction double precision,
    grid text,
    precision text NOT NULL DEFAULT 'exact' CHECK (precision IN ('exact', 'road', 'grid', 'none')),
    extra jsonb NOT NULL DEFAULT '{}',
    geometry geometry(Point, 4326),
    PRIMARY KEY (source, source_id),
    CHECK (occurred_to >= occurred_from),
    CHECK (geometry IS NOT NULL OR precision IN ('grid', 'none')),
    CHECK (occurred_at IS NOT NULL OR occurred_from IS NOT NULL OR reported_at IS NOT NULL)
);
CREATE INDEX incidents_geometry ON incidents USING gist (geometry);
CREATE INDEX incidents_occurred ON incidents (occurred_at);

CREATE TABLE imports (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    layer text NOT NULL,
    file text NOT NULL,
    sha256 text NOT NULL,
    rows integer NOT NULL,
    inserted integer NOT NULL,
    updated integer NOT NULL,
    unchanged integer NOT NULL,
    mended integer NOT NULL,
    rejected integer NOT NULL,
    options jsonb NOT NULL,
    imported_at timestamptz NOT NULL DEFAULT now()
);
