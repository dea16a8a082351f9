"""Routers of the pages."""

from __future__ import annotations

from service.pages import account, audit, jobs, maps, setup, users, video_wall

ROUTERS = (
    account.router,
    audit.router,
    jobs.pages,
    maps.router,
    setup.pages,
    users.router,
    video_wall.router,
)
