"""Roles and their rights."""

from __future__ import annotations

from geo.store.queries.api_tokens import STAFF
from geo.store.queries.users import User

MAPS = frozenset({"coverage", "incidents", "data_quality", "dashboard"})
"""Rights of the roles that see all maps."""
RIGHTS: dict[str, frozenset[str]] = {
    "planner": MAPS,
    "commander": MAPS | {"phones"},
    "analyst": MAPS,
    "clerk": frozenset({"data_quality", "dashboard", "jobs"}),
    "auditor": frozenset({"audit"}),
    "administrator": MAPS | {"phones", "audit", "jobs", "users"},
}
"""Rights of each role, everywhere within the areas of the account."""
ALL_RIGHTS = frozenset[str]().union(*RIGHTS.values())
"""Rights that a route can need."""


def rights_of(user: User) -> frozenset[str]:
    """Return the rights of a user.

    Parameters
    ----------
    user : User
        Account, session of a video wall, or API token.

    Returns
    -------
    frozenset of str
        Rights of the role. A video wall has no right to phones. A token has it only with the scope
        `staff:read`; without a role it has no other right.
    """
    rights = RIGHTS.get(user.role, frozenset())
    if user.scopes is None:
        return rights - {"phones"} if user.wall else rights
    if STAFF not in user.scopes:
        return rights - {"phones"}
    return rights if user.role else frozenset({"phones"})


def home_page_of(user: User) -> str:
    """Return the first page that a user may see.

    Parameters
    ----------
    user : User
        Signed-in user.

    Returns
    -------
    str
        Path of the page.
    """
    for right, path in (
        ("coverage", "/maps/coverage"),
        ("dashboard", "/dashboard"),
        ("audit", "/audit"),
    ):
        if right in rights_of(user):
            return path
    return "/account"
