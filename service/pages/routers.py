"""Routers of the pages."""

from __future__ import annotations

from service.pages import account, audit, dashboard, jobs, maps, runs, setup, users, video_wall

ROUTERS = (
    account.router,
    audit.router,
    dashboard.router,
    jobs.router,
    maps.router,
    runs.router,
    setup.router,
    users.router,
    video_wall.router,
)
