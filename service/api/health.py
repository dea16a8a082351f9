"""Whether the process is alive, and whether it can serve."""

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
    tags=["health"], route_class=SecuredRoute,
    dependencies=[allow(public=True, scopes=(), audit=AuditRule.NONE)],
)  # fmt: skip


@router.get("/healthz")
def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok", "version": geo.__version__}


@router.get("/readyz")
def readyz(request: Request, response: Response) -> dict[str, object]:
    """Database, migrations and age of the results; 503 unless all are there."""
    out: dict[str, object] = {"database": False, "migrations": False, "results": False}
    try:
        with app_state(request).read_pool.connection(timeout=3) as conn:
            out["database"] = True
            require_current(conn)
            out["migrations"] = True
            run = read_latest_run(conn)
            if run is not None:
                age = dt.datetime.now(dt.UTC) - run.finished_at
                out |= {"results": True, "run": run.id, "results_age_s": round(age.total_seconds())}
    except StoreError as error:
        out["detail"] = str(error)
    except (psycopg.Error, psycopg_pool.PoolTimeout):
        # Anybody may ask: what the driver says of addresses and accounts is not for them.
        out["detail"] = "The database does not answer."
    out["ready"] = bool(out["database"] and out["migrations"] and out["results"])
    if not out["ready"]:
        response.status_code = 503
    return out
