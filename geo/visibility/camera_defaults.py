"""Parameters that are assumed of a camera whose record leaves them out."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar


@dataclass(frozen=True)
class CameraDefaults:
    """Parameters assumed of a camera of one kind.

    Attributes
    ----------
    fov_deg : float
        Horizontal field of view, degrees; above 0, at most 360.
    range_m : float
        Distance up to which the camera sees, metres; above 0.
    near_m : float
        Distance from which on the camera sees, metres; 0 or more.
    height_m : float
        Height above the ground, metres; above 0.

    Raises
    ------
    ValueError
        If a value is no number or lies outside its domain.

    Examples
    --------
    >>> from geo.visibility.camera_defaults import CameraDefaults
    >>> CameraDefaults(fov_deg=90, range_m=50)
    CameraDefaults(fov_deg=90.0, range_m=50.0, near_m=0.0, height_m=6.0)
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "ignore"}
    # Of the settings, which read these from the environment: keys of other names are ignored.

    fov_deg: float
    range_m: float
    near_m: float = 0.0
    height_m: float = 6.0

    def __post_init__(self) -> None:
        """Convert the values to floats and check them."""
        for field in fields(self):
            # Whole numbers become floats, so that equal defaults have equal digests.
            object.__setattr__(self, field.name, float(getattr(self, field.name)))
        for name in ("fov_deg", "range_m", "height_m"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, not {getattr(self, name):g}")
        if self.fov_deg > 360:
            raise ValueError(f"fov_deg must be at most 360 degrees, not {self.fov_deg:g}")
        if not self.near_m >= 0:
            raise ValueError(f"near_m must be 0 m or more, not {self.near_m:g}")


def camera_defaults() -> dict[str, CameraDefaults]:
    """Return the default parameters of each kind of camera.

    Returns
    -------
    dict of str to CameraDefaults
        By the kinds of `geo.schema.CAMERAS`; ``unknown`` is for any other.

    Examples
    --------
    >>> from geo.visibility.camera_defaults import camera_defaults
    >>> camera_defaults()["dome"].range_m
    40.0
    """
    return {
        "fixed": CameraDefaults(fov_deg=70, range_m=60, near_m=2, height_m=4.5),
        "dome": CameraDefaults(fov_deg=100, range_m=40, near_m=1, height_m=3.5),
        "ptz": CameraDefaults(fov_deg=360, range_m=120, near_m=3, height_m=8),
        "panoramic": CameraDefaults(fov_deg=360, range_m=80, near_m=2, height_m=6),
        "unknown": CameraDefaults(fov_deg=360, range_m=60, near_m=0, height_m=6),
    }
