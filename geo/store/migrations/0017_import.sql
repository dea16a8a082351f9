-- A device that looks several ways is one row: its other directions stand beside its bearing.
ALTER TABLE cameras ADD COLUMN other_directions text CHECK (
    other_directions ~ '^\d+(\.\d+)?(-\d+(\.\d+)?)?(/\d+(\.\d+)?(-\d+(\.\d+)?)?)*$'
);
COMMENT ON COLUMN cameras.other_directions IS
    'bearings, and sectors clockwise from one bearing to another, joined by /: 180/200-220';

-- Columns of a file, as a user mapped them once, for the next file of the same kind.
CREATE TABLE import_mappings (
    layer text NOT NULL,
    name text NOT NULL CHECK (name <> '' AND length(name) <= 100),
    columns jsonb NOT NULL CHECK (jsonb_typeof(columns) = 'object'),
    options jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(options) = 'object'),
    changed_by text NOT NULL DEFAULT '',
    changed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (layer, name)
);
COMMENT ON COLUMN import_mappings.columns IS 'header of the file to column of the layer';
COMMENT ON COLUMN import_mappings.options IS 'crs, datum, key, occurred and the like, as the import takes them';
GRANT SELECT ON import_mappings TO gridcover_reader;

-- End of the span of an incident that is known only within more than a week; NULL for all others.
ALTER TABLE incident_events ADD COLUMN until timestamptz;
COMMENT ON COLUMN incident_events.until IS
    'end of the span, where only one of more than a week is known: such count in periods that hold all of it';
