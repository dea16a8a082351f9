-- Findings are stable codes, for some with a parameter after a slash; their texts are in geo/locales.
-- A refresh computes them again; until then, those stored as English sentences are converted.
CREATE TEMPORARY TABLE finding_codes (sentence text PRIMARY KEY, code text NOT NULL) ON COMMIT DROP;
INSERT INTO finding_codes VALUES
    ('bearing missing', 'bearing_missing'),
    ('field of view missing', 'field_of_view_missing'),
    ('range missing', 'range_missing'),
    ('height missing', 'height_missing'),
    ('resolution missing', 'resolution_missing'),
    ('owner missing', 'owner_missing'),
    ('installation date missing', 'installation_date_missing'),
    ('status unknown', 'status_unknown'),
    ('kind unknown', 'kind_unknown'),
    ('point class unknown', 'point_class_unknown'),
    ('networked or not unknown', 'network_unknown'),
    ('sees farther than 2 km', 'range_above_km/2'),
    ('begins to see beyond its range', 'near_edge_beyond_range'),
    ('hangs higher than 100 m', 'mounting_height_above_m/100'),
    ('fixed, but wider than 180°', 'fixed_field_of_view_above_deg/180'),
    ('device number against GB/T 28181', 'device_number_invalid'),
    ('retired by date, in use by status', 'retired_but_in_use'),
    ('outside every grid', 'outside_every_grid'),
    ('outside its stated community', 'outside_stated_community'),
    ('two cameras at one point', 'same_place_as_another_camera'),
    ('not networked', 'not_networked'),
    ('not in working order', 'not_in_working_order'),
    ('no head', 'head_missing'),
    ('no staff at all', 'staff_missing'),
    ('no community', 'community_missing'),
    ('population unknown', 'population_unknown'),
    ('neither place nor known grid', 'place_and_grid_unknown'),
    ('no category', 'category_missing'),
    ('accepted before it was reported', 'accepted_before_reported'),
    ('closed before it was reported', 'closed_before_reported'),
    ('covered too little', 'coverage_below_target'),
    ('smaller than 20 m²', 'area_below_m2/20'),
    ('smaller than 4 m²', 'area_below_m2/4'),
    ('larger than 5 km²', 'area_above_km2/5'),
    ('no coverage required', 'no_coverage_required'),
    ('higher than 400 m', 'building_height_above_m/400');
INSERT INTO finding_codes
    SELECT finding, CASE
        WHEN finding LIKE 'older than % years' THEN
            'age_above_years/' || substring(finding FROM 'older than (.+) years')
        WHEN finding LIKE 'status not told for % days' THEN
            'status_older_than_days/' || substring(finding FROM 'status not told for (.+) days')
        ELSE 'no_service_within_distance/' || substring(finding FROM 'no (.+) within a walk') END
    FROM register_counts
    WHERE finding LIKE 'older than % years' OR finding LIKE 'status not told for % days'
        OR finding LIKE 'no % within a walk'
    GROUP BY finding;
UPDATE register_findings f SET finding = c.code FROM finding_codes c WHERE f.finding = c.sentence;
UPDATE register_counts f SET finding = c.code FROM finding_codes c WHERE f.finding = c.sentence;
