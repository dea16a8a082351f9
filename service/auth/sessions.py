"""Sessions and tokens of a request, and the user they belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import RedirectResponse

from geo.settings import Settings
from geo.store.audit_actions import AuditAction
from geo.store.queries.audit import append_audit_entry
from geo.store.queries.sessions import find_session
from geo.store.queries.users import User
from geo.store.scope import EVERYWHERE
from service.auth.api_tokens import find_request_token
from service.auth.passwords import _unmatched_digest
from service.state import app_state

if TYPE_CHECKING:
    from service.policy import Policy


COOKIE = "gridcover_session"


class SignInNeededError(Exception):
    """A page was asked for by nobody: lead to the sign-in and back."""


def identify(request: Request, policy: Policy | None = None) -> User | None:
    """Return who asks: by the session, else by an API token; None where it is neither.

    Parameters
    ----------
    request : Request
        Its cookie goes before its token.
    policy : Policy, optional
        Of the route; without one, only a session is looked for.

    Raises
    ------
    HTTPException
        401 where there is a token that is not valid.
    """
    secret = request.cookies.get(COOKIE)
    if secret and (policy is None or policy.sessions):
        settings: Settings = app_state(request).settings
        with app_state(request).auth_pool.connection() as conn:
            return find_session(conn, secret, idle_hours=settings.session_idle_hours)
    if policy is None or not policy.scopes:
        return None
    api_token = find_request_token(request)
    if api_token is None:
        return None
    # A token for the phones of grid staff that names no area reads those of all areas.
    areas = api_token.areas or ((EVERYWHERE,) if api_token.role is None else ())
    # Nobody's account: it can change no password and end no session.
    return User(
        0,
        f"token {api_token.name}",
        api_token.role or "",
        areas,
        scopes=frozenset(api_token.scopes),
    )


def visitor(request: Request) -> User | None:
    """Return who asks; None of nobody."""
    known: User | None = getattr(request.state, "user", None)
    return known or identify(request)


def signed_in(request: Request) -> User:
    """Return who asks, on a route whose policy lets nobody through unknown."""
    user: User = request.state.user
    return user


Visitor = Annotated[User | None, Depends(visitor)]
SignedIn = Annotated[User, Depends(signed_in)]


def set_session_cookie(
    answer: Response,
    secret: str,
    request: Request,
    settings: Settings,
    *,
    hours: float | None = None,
) -> Response:
    """An answer that gives the browser its session, which no script can read."""
    answer.set_cookie(
        COOKIE, secret, httponly=True, samesite="lax", secure=request.url.scheme == "https",
        max_age=int((hours or settings.session_hours) * 3600),
    )  # fmt: skip
    return answer


def client_address(request: Request) -> str:
    """Where a request comes from."""
    return request.client.host if request.client else ""


def record_audit_entry(
    request: Request, user: User | None, action: AuditAction, object_: str, **detail: object
) -> None:
    """An entry of the audit record, committed."""
    with app_state(request).auth_pool.connection() as conn:
        append_audit_entry(
            conn, actor=user.name if user else "", role=user.role if user else "",
            address=client_address(request), action=action, object_=object_, detail=detail,
        )  # fmt: skip


def add_sign_in_redirect(app: FastAPI) -> None:
    """Lead those who are not signed in from a page to the sign-in and back."""
    _unmatched_digest()  # made now, so that the first unknown name takes no longer than the next

    def to_sign_in(request: Request, error: Exception) -> Response:  # noqa: ARG001
        query = f"?{request.url.query}" if request.url.query else ""
        there = quote(request.url.path + query, safe="")
        return RedirectResponse(f"/sign-in?next={there}", status_code=303)

    app.add_exception_handler(SignInNeededError, to_sign_in)
