-- Store a mapping, replacing one of the same layer and name.
INSERT INTO import_mappings (layer, name, columns, options, changed_by)
VALUES (
    %(layer)s, %(name)s, %(columns)s, %(options)s,
    coalesce(nullif(%(changed_by)s, ''), current_setting('gridcover.actor', true), '')
)
ON CONFLICT (layer, name) DO UPDATE SET
    columns = EXCLUDED.columns, options = EXCLUDED.options, changed_by = EXCLUDED.changed_by,
    changed_at = now()
