"""Settings of a deployment, read from the environment with the prefix GRIDCOVER_."""

from __future__ import annotations

import ipaddress
import os
import re
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from geo.visibility.camera_defaults import CameraDefaults, camera_defaults


def default_data_dir() -> Path:
    """Return the folder of the private database unless `GRIDCOVER_DATA_DIR` is set.

    Returns
    -------
    pathlib.Path
        ``/var/lib/gridcover`` for root, whose home its server cannot enter; otherwise
        ``gridcover`` in the user's data folder.
    """
    if os.geteuid() == 0:
        return Path("/var/lib/gridcover")
    base = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(base).expanduser() / "gridcover"


class Settings(BaseSettings):
    """Settings of a deployment, each from an environment variable with the prefix GRIDCOVER_.

    They are described in ``docs/settings.md``.
    """

    model_config = SettingsConfigDict(env_prefix="GRIDCOVER_", env_nested_delimiter="__")

    database_url: SecretStr | None = None
    """Connection string of a PostGIS server; None for the private cluster."""
    data_dir: Path = Field(default_factory=default_data_dir)
    """Folder of the private cluster."""
    timezone: str = "Asia/Shanghai"
    """IANA time zone of times without an offset."""
    metric_crs: str | None = None
    """CRS of the computation; None for the local UTM zone."""
    terrain: Path | None = None
    """GeoTIFF of the ground elevation; None for level ground."""
    dictionary: Path | None = None
    """TOML file of additional headers and values for imports."""
    language: str = "zh"
    """`zh` or `en`, if neither the address nor the browser names one."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = Field(default=8765, ge=0, le=65535)
    """Port to listen on; 0 for any free one."""
    allow_remote: bool = False
    """Whether to listen beyond this machine without TLS."""
    basemap_url: str | None = None
    """XYZ base map; None for the imported layers."""
    basemap_attribution: str = ""
    """Attribution of the base map."""
    assets_dir: Path | None = None
    """Folder of the browser assets; None for that of the set-up."""
    session_hours: float = Field(default=12.0, gt=0)
    """Longest duration of a session, h."""
    session_idle_hours: float = Field(default=2.0, gt=0)
    """Time without a request after which a session ends, h."""
    video_wall_days: float = Field(default=30.0, gt=0)
    """Duration of the session of a video wall, days."""
    oidc_issuer: str | None = None
    """OpenID Connect provider; None for passwords only."""
    oidc_client_id: str = "gridcover"
    """Client identifier at the provider."""
    oidc_client_secret: SecretStr | None = None
    """Client secret at the provider."""
    oidc_title: str = ""
    """Name of the provider on the sign-in page."""
    oidc_name_claim: str = "preferred_username"
    """Claim with the account name."""
    oidc_role_claim: str | None = None
    """Claim with the role; if it is set, accounts are created at the first sign-in."""
    oidc_areas_claim: str = "gridcover_areas"
    """Claim with the codes of the areas."""
    audit_dir: Path | None = None
    """Folder of the head of the audit log, outside the database; None for `data_dir`/audit."""
    audit_days: int = Field(default=1095, ge=30)
    """Age in days from which on audit entries may be deleted."""
    requests_a_second: float = Field(default=100.0, gt=0)
    """Rate limit per session or token."""
    log_requests: bool = False
    """Whether to log each request as a JSON line."""
    public_url: str | None = None
    """Scheme, host and port by which browsers reach the service: https://gis.example.gov."""
    trusted_proxies: list[str] = Field(default_factory=list)
    """Addresses or networks whose X-Forwarded-For and X-Forwarded-Proto are trusted."""
    worker: bool = True
    """Whether ``gridcover serve`` starts a worker."""
    coarse_roles: list[str] = Field(default_factory=list)
    """Roles that see camera positions only to about 200 m."""
    service_radius_m: float = Field(default=500.0, gt=0)
    """Service radius of a service point (straight-line distance), m."""
    webhook_targets: list[str] = Field(default_factory=list)
    """Origins that alerts may be sent to."""
    import_memory_mb: int = Field(default=3072, ge=256)
    """Memory limit of a process that reads or imports a file, MiB."""
    import_seconds: int = Field(default=600, ge=1)
    """Time limit for reading a file, and for an import as a whole, s."""
    keep_runs: int = Field(default=12, ge=1)
    """Number of runs whose results are stored."""
    blind_spot_min_area_m2: float = Field(default=25.0, ge=0)
    """Blind spots of a smaller area are not stored, m²."""
    overlap_tolerance_m2: float = Field(default=1.0, ge=0)
    """Overlaps between grids up to this area are not reported, m²."""
    gap_tolerance_m2: float = Field(default=1.0, ge=0)
    """Gaps between grids up to this area are not reported, m²."""
    cameras: dict[str, CameraDefaults] = Field(default_factory=camera_defaults)
    """Parameters assumed of cameras whose record lacks them, by kind."""

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(
                f"{value!r} is no IANA time zone; use one such as Asia/Shanghai"
            ) from error
        return value

    @field_validator("language")
    @classmethod
    def _known_language(cls, value: str) -> str:
        if value not in ("zh", "en"):
            raise ValueError("the language is zh or en")
        return value

    @field_validator("oidc_issuer")
    @classmethod
    def _over_tls(cls, value: str | None) -> str | None:
        if value and not re.match(r"https://|http://(127\.0\.0\.1|localhost)(:|/|$)", value):
            raise ValueError("an issuer must be reached over TLS; write https://…")
        return value or None

    @field_validator("public_url")
    @classmethod
    def _origin(cls, value: str | None) -> str | None:
        if value and not re.fullmatch(r"https?://[A-Za-z0-9.:\[\]-]+/?", value):
            raise ValueError(f"{value!r} is no address; write the scheme, host and port alone")
        return value.rstrip("/").lower() if value else None

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: list[str]) -> list[str]:
        for network in value:
            ipaddress.ip_network(network, strict=False)
        return value

    @field_validator("webhook_targets")
    @classmethod
    def _origins(cls, value: list[str]) -> list[str]:
        for origin in value:
            if not re.fullmatch(r"https?://[^/?#@\s]+", origin):
                raise ValueError(
                    f"{origin!r} is no origin; write the scheme, host and port alone, such as "
                    "https://centre.example:8443"
                )
        return [origin.lower() for origin in value]

    @property
    def seal_dir(self) -> Path:
        """Return the folder of the head of the audit log.

        Returns
        -------
        pathlib.Path
            `audit_dir` if it is set, otherwise ``audit`` in `data_dir`.
        """
        return self.audit_dir or self.data_dir / "audit"

    @property
    def zone(self) -> ZoneInfo:
        """Return the deployment's time zone.

        Returns
        -------
        zoneinfo.ZoneInfo
            That of `timezone`.
        """
        return ZoneInfo(self.timezone)


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """Return the settings of this process, which are read once.

    Returns
    -------
    Settings
        From the environment.
    """
    return Settings()
