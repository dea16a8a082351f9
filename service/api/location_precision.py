"""Roles that see the places of cameras only approximately."""

from __future__ import annotations

from fastapi import HTTPException

from geo.settings import Settings
from geo.store.queries.users import User
from service.auth.sessions import SignedIn
from service.dependencies import Deployment


def sees_exact_locations(user: User, settings: Settings) -> bool:
    """Return whether an account sees the exact places of cameras.

    Parameters
    ----------
    user : User
        Account whose role is looked up.
    settings : Settings
        `coarse_roles` lists the roles that see places only to about 200 m.

    Returns
    -------
    bool
        False for a role in `coarse_roles`.
    """
    return user.role not in settings.coarse_roles


def require_exact_locations(user: SignedIn, settings: Deployment) -> None:
    """Refuse an account that may not see the exact places of cameras.

    Parameters
    ----------
    user : User
        Account of the request.
    settings : Settings
        Settings of the deployment.

    Raises
    ------
    HTTPException
        403.
    """
    if not sees_exact_locations(user, settings):
        raise HTTPException(403, f"The role {user.role} sees where cameras are only roughly.")
