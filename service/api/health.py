"""Health checks: whether the process responds, and whether it can serve."""

from __future__ import annotations

import datetime as dt

import psycopg
import psycopg_pool
from fastapi import APIRouter, Request, Response

import geo
from geo.errors import StoreError
from geo.store.migration import require_current
from geo.store.queries.runs import read_latest_run
from service.policy import AuditRule, SecuredRoute, allow
from service.state import app_state

router = APIRouter(
    tags=["health"],
    route_class=SecuredRoute,
    dependencies=[allow(public=True, scopes=(), audit=AuditRule.NONE)],
)


@router.get("/healthz")
def check_process() -> dict[str, str]:
    """Check that the process responds."""
    return {"status": "ok", "version": geo.__version__}


@router.get("/readyz")
def check_readiness(request: Request, response: Response) -> dict[str, object]:
    """Check the database, its migrations and the results; 503 unless all are present."""
    state: dict[str, object] = {"database": False, "migrations": False, "results": False}
    try:
        with app_state(request).read_pool.connection(timeout=3) as conn:
            state["database"] = True
            require_current(conn)
            state["migrations"] = True
            run = read_latest_run(conn)
            if run is not None:
                age_s = (dt.datetime.now(dt.UTC) - run.finished_at).total_seconds()
                state |= {"results": True, "run": run.id, "results_age_s": round(age_s)}
    except StoreError as error:
        state["detail"] = str(error)
    except (psycopg.Error, psycopg_pool.PoolTimeout):
        # The route is public: the driver's message names addresses and accounts.
        state["detail"] = "The database does not answer."
    state["ready"] = bool(state["database"] and state["migrations"] and state["results"])
    if not state["ready"]:
        response.status_code = 503
    return state
