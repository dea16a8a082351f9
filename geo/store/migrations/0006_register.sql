-- What 一机一档 keeps of a camera beyond what the computation needs.
ALTER TABLE cameras
    ADD COLUMN place_kinds text,
    ADD COLUMN functions text,
    ADD COLUMN supplement_light text
        CHECK (supplement_light IN ('none', 'infrared', 'white', 'laser', 'other')),
    ADD COLUMN key_place text,
    ADD COLUMN community text,
    ADD COLUMN upgraded_on date;
COMMENT ON COLUMN cameras.place_kinds IS 'position types as words, several joined by /';
COMMENT ON COLUMN cameras.functions IS 'function types as words, several joined by /';
COMMENT ON COLUMN cameras.key_place IS 'code or name of the key place it is for';
COMMENT ON COLUMN cameras.community IS 'code or name of the community the register states';
