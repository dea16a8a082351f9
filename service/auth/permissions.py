"""Roles and their rights."""

from __future__ import annotations

from geo.store.queries.api_tokens import STAFF
from geo.store.queries.users import User

MAPS = frozenset({"coverage", "incidents", "data_quality", "dashboard"})
RIGHTS: dict[str, frozenset[str]] = {
    "planner": MAPS,
    "commander": MAPS | {"phones"},
    "analyst": MAPS,
    "clerk": frozenset({"data_quality", "dashboard", "jobs"}),
    "auditor": frozenset({"audit"}),
    "administrator": MAPS | {"phones", "audit", "jobs", "users"},
}
"""What each role may see, everywhere within its areas."""


def rights_of(user: User) -> frozenset[str]:
    """Return what someone may see: the rights of the role, less what a wall or a token has not."""
    rights = RIGHTS.get(user.role, frozenset())
    if user.scopes is None:
        return rights - {"phones"} if user.wall else rights
    if STAFF not in user.scopes:
        return rights - {"phones"}
    return rights if user.role else frozenset({"phones"})


def home_page_of(user: User) -> str:
    """The first page a role may see."""
    for right, path in (
        ("coverage", "/maps/coverage"),
        ("dashboard", "/dashboard"),
        ("audit", "/audit"),
    ):
        if right in rights_of(user):
            return path
    return "/account"
