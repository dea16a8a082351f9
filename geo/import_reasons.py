"""Reasons of the findings of an import: stable codes, and their texts."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from geo.parametric_codes import code_text, join_code


class RowAction(StrEnum):
    """What an import did with the row that a finding is about."""

    REJECTED = "rejected"
    """The row cannot be used."""
    REPAIRED = "repaired"
    """A value was repaired or removed."""
    NOTED = "noted"
    """Nothing was changed."""


class ReasonCode(StrEnum):
    """Stable codes of the reasons, as written to reports and returned by the API.

    The texts in Chinese and English are in ``geo/locales`` under ``reason_CODE``. The codes in
    `PARAMETRIC` are followed by a slash and a parameter (see `reason_of`).
    """

    # Structure of the file
    WRONG_NUMBER_OF_CELLS = "wrong_number_of_cells"
    DELIMITER_NAMED_IN_FIRST_LINE = "delimiter_named_in_first_line"
    """A first line such as ``sep=;``."""
    LINE_ABOVE_HEADER_NOT_READ = "line_above_header_not_read"
    HEADER_OF_TWO_ROWS = "header_of_two_rows"
    LAYER_NOT_READ = "layer_not_read"
    SHEET_NOT_READ = "sheet_not_read"
    SEVERAL_SHEETS_READ = "several_sheets_read"
    ZIP_MEMBER_NOT_READ = "zip_member_not_read"
    MACOS_FILES_NOT_READ = "macos_files_not_read"
    DBF_MISSING = "dbf_missing"
    SHX_MISSING = "shx_missing"
    VALUES_TRUNCATED = "values_truncated"
    """Values longer than their column allows."""
    VALUES_OUT_OF_RANGE = "values_out_of_range"
    """Numbers or dates that the format cannot hold."""
    GEOMETRY_AGAINST_FORMAT = "geometry_against_format"
    FILE_AGAINST_FORMAT = "file_against_format"
    """Any other warning of the library that read the file."""

    # Encoding
    UNUSUAL_ENCODING = "unusual_encoding"
    """The encoding was detected, but is not certain."""
    ENCODING_DIFFERS_FROM_CPG = "encoding_differs_from_cpg"
    ENCODING_DIFFERS_FROM_FILE = "encoding_differs_from_file"
    """Texts are in another encoding than the file states."""
    DAMAGED_CHARACTER = "damaged_character"
    """A cell has a character that could not be decoded."""
    DAMAGED_CHARACTERS = "damaged_characters"
    """The file has such characters."""
    DAMAGED_CHARACTER_IN_CODE = "damaged_character_in_code"
    """Rejected, since a repaired code may be the code of another row."""

    # Headers and columns
    HEADER_RECOGNISED = "header_recognised"
    """The header matches no word of the dictionary exactly."""
    HEADER_NOT_USED = "header_not_used"
    """A truncated header that may be several columns."""
    MAPPED_HEADER_MISSING = "mapped_header_missing"
    """A header of the saved mapping is not in the file."""
    COLUMN_NOT_STORED = "column_not_stored"
    """Grid staff has no additional columns."""
    PASSWORDS_NOT_STORED = "passwords_not_stored"
    EXPORTED_RESULTS_NOT_IMPORTED = "exported_results_not_imported"
    ANGLE_COLUMN_NOT_USED = "angle_column_not_used"
    """The column may be the bearing or the field of view."""
    KEYS_MADE = "keys_made"

    # Values of cells
    EMPTY_VALUE = "empty_value"
    """A required value is missing."""
    NAME_MISSING = "name_missing"
    """The code is used as the name."""
    IMPOSSIBLE_VALUE = "impossible_value"
    """Out of the range of the column; the parameter is the column."""
    UNKNOWN_VALUE = "unknown_value"
    """A word that the dictionary does not have; the parameter is the column."""
    NOT_A_NUMBER = "not_a_number"
    NOT_A_BOOLEAN = "not_a_boolean"
    NOT_A_DIRECTION = "not_a_direction"
    THOUSANDS_SEPARATOR = "thousands_separator"
    COMMA_UNCERTAIN = "comma_uncertain"
    """A comma may be the decimal mark or separate thousands; the value is not read."""
    POINT_BESIDE_THOUSANDS_SEPARATORS = "point_beside_thousands_separators"
    POINT_BEFORE_THREE_DIGITS = "point_before_three_digits"
    """A point before three digits is read as the decimal mark."""
    SPREADSHEET_MARKER_REMOVED = "spreadsheet_marker_removed"
    """Such as ``="00123"``."""
    ZERO_WIDTH_CHARACTERS_REMOVED = "zero_width_characters_removed"
    THOUSANDS_SEPARATORS_REMOVED = "thousands_separators_removed"
    """From a code."""
    SCIENTIFIC_NOTATION_OF_CODE = "scientific_notation_of_code"
    """Digits of the code are lost."""
    DEVICE_NUMBER_INVALID = "device_number_invalid"
    """Against GB/T 28181."""
    AREA_CODE_INVALID = "area_code_invalid"
    """Against GB/T 2260 and GB/T 10114."""

    # Directions of cameras
    DIRECTION_NOT_UNDERSTOOD = "direction_not_understood"
    """The camera is treated as omnidirectional."""
    SEVERAL_DIRECTIONS = "several_directions"
    ANGLE_BEYOND_FULL_TURN = "angle_beyond_full_turn"
    SECTOR_ABOVE_HALF_TURN = "sector_above_half_turn"
    TILT_NOT_UNDERSTOOD = "tilt_not_understood"
    HEIGHT_NOT_UNDERSTOOD = "height_not_understood"

    # Dates and times
    IMPOSSIBLE_DATE = "impossible_date"
    DATE_IN_FUTURE = "date_in_future"
    DATE_ORDER_UNCERTAIN = "date_order_uncertain"
    """Day and month may be exchanged; the value is not read."""
    DATE_ORDERS_MIXED = "date_orders_mixed"
    """The column has dates with day first and dates with month first."""
    DATES_READ_DAY_FIRST = "dates_read_day_first"
    DATES_READ_MONTH_FIRST = "dates_read_month_first"
    TYPED_DATES_BESIDE_TEXT = "typed_dates_beside_text"
    """The spreadsheet may have exchanged day and month of its typed dates."""
    RETIRED_BEFORE_INSTALLED = "retired_before_installed"
    END_BEFORE_START = "end_before_start"
    """The two times were exchanged."""
    NO_USABLE_TIME = "no_usable_time"
    TIME_SPAN_ASSIGNED = "time_span_assigned"
    """By the option --occurred."""
    TIME_SPAN_NOT_NEEDED = "time_span_not_needed"

    # Coordinates and geometry
    NO_COORDINATES = "no_coordinates"
    ZERO_COORDINATES = "zero_coordinates"
    UNREADABLE_COORDINATES = "unreadable_coordinates"
    AXES_EXCHANGED = "axes_exchanged"
    """Latitude and longitude were exchanged."""
    IMPOSSIBLE_COORDINATES = "impossible_coordinates"
    OUTSIDE_CRS = "outside_crs"
    """Outside the area of use of the CRS."""
    OUTSIDE_DISTRICT = "outside_district"
    UNREADABLE_GEOMETRY = "unreadable_geometry"
    GEOMETRY_IN_ANOTHER_CRS = "geometry_in_another_crs"
    WRONG_GEOMETRY_TYPE = "wrong_geometry_type"
    PARTS_OF_ANOTHER_GEOMETRY_TYPE = "parts_of_another_geometry_type"
    SEVERAL_POINTS = "several_points"
    """Replaced by their centroid."""
    RING_CLOSED = "ring_closed"
    RING_NOT_CLOSED = "ring_not_closed"
    INVALID_POLYGON = "invalid_polygon"
    POLYGON_WITHOUT_AREA = "polygon_without_area"
    OVERLAP = "overlap"
    """Of two polygons of the file."""
    GAP = "gap"
    """Between the polygons of the file, or between them and the district."""

    # Rows, and their relation to others
    REPEATED_ROW = "repeated_row"
    REPEATED_KEY = "repeated_key"
    UNKNOWN_GRID = "unknown_grid"
    UNKNOWN_CAMERA = "unknown_camera"
    LEVEL_UNKNOWN = "level_unknown"
    LEVEL_CONTRADICTS_CODE = "level_contradicts_code"
    PARENT_CONTRADICTS_CODE = "parent_contradicts_code"
    NOT_A_CAMERA = "not_a_camera"

    # Objects of OpenStreetMap
    TEXT_NOT_UTF8 = "text_not_utf8"
    CUT_AT_EDGE = "cut_at_edge"
    """Members or nodes are outside the extract."""
    OUTSIDE_GIVEN_AREA = "outside_given_area"
    """Outside the polygons of the option --within."""
    LINE_WITHOUT_LENGTH = "line_without_length"
    NOT_A_POINT = "not_a_point"
    """A camera mapped as a way."""
    NOT_STANDING = "not_standing"
    """A building that is planned, demolished or a ruin."""
    OPEN_AT_GROUND = "open_at_ground"
    """A building such as a roof or carport, which does not block views at the ground."""
    UNDERGROUND = "underground"
    PART_ABOVE_GROUND = "part_above_ground"
    """A building part that begins above the ground."""
    OUTER_RING_OF_RELATION = "outer_ring_of_relation"
    """The same building as its relation."""
    REPLACED_BY_PARTS = "replaced_by_parts"
    PART_WITHOUT_OUTLINE = "part_without_outline"
    NOT_A_STREET = "not_a_street"
    BESIDE_STREET = "beside_street"
    """A sidewalk or crossing."""
    INDOORS = "indoors"
    ADMIN_LEVEL_NOT_IMPORTED = "admin_level_not_imported"
    """The parameter is the value of ``admin_level``, or ``missing``."""
    SAME_PLACE_AS_AREA = "same_place_as_area"
    """A key place mapped as a point in an area that is the same place."""
    NOT_IN_EXTRACT = "not_in_extract"
    """A stored row of an earlier extract."""
    REMOVED_NOT_IN_EXTRACT = "removed_not_in_extract"
    """Such a row, removed by the option --replace."""


BY_COLUMN = frozenset({ReasonCode.IMPOSSIBLE_VALUE, ReasonCode.UNKNOWN_VALUE})
"""Codes whose parameter is the column of the finding."""
PARAMETRIC = BY_COLUMN | {ReasonCode.ADMIN_LEVEL_NOT_IMPORTED}
"""Codes that have a parameter."""


def reason_of(code: ReasonCode, parameter: str = "") -> str:
    """Return a reason as it is reported: its code, and its parameter after a slash.

    Parameters
    ----------
    code : ReasonCode
        Code of the reason.
    parameter : str, optional
        Parameter of a code in `PARAMETRIC`.

    Returns
    -------
    str
        ``CODE`` or ``CODE/PARAMETER``.

    Examples
    --------
    >>> reason_of(ReasonCode.UNKNOWN_VALUE, "status"), reason_of(ReasonCode.GAP)
    ('unknown_value/status', 'gap')
    """
    return join_code(code, parameter)


def split_reason(reason: str) -> tuple[ReasonCode, str]:
    """Return code and parameter of a reason.

    Parameters
    ----------
    reason : str
        A reason as `reason_of` returns it.

    Returns
    -------
    code : ReasonCode
        Its code.
    parameter : str
        Its parameter; empty if it has none.

    Raises
    ------
    ValueError
        If there is no such code.

    Examples
    --------
    >>> split_reason("unknown_value/status")
    (<ReasonCode.UNKNOWN_VALUE: 'unknown_value'>, 'status')
    """
    code, _, parameter = reason.partition("/")
    return ReasonCode(code), parameter


def reason_text(reason: str, texts: Mapping[str, str]) -> str:
    """Return the text of a reason in the language of the texts.

    Parameters
    ----------
    reason : str
        A reason as `reason_of` returns it.
    texts : mapping of str to str
        Texts of the interface by key, as `geo.maps.language.texts` returns them.

    Returns
    -------
    str
        The text with its parameter, of a column its label; the reason itself where there is no
        text.

    Examples
    --------
    >>> reason_text("unknown_value/status", {"reason_unknown_value": "unknown value: {n}"})
    'unknown value: status'
    """
    return code_text(reason, texts, prefix="reason", labels="field")
