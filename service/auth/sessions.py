"""Sessions and tokens of requests, and the users they belong to."""

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
from service.auth.passwords import unmatched_digest
from service.state import app_state

if TYPE_CHECKING:
    from service.policy import Policy


COOKIE = "gridcover_session"
"""Name of the cookie with the secret of a session."""


class SignInNeededError(Exception):
    """A page that needs a session was requested without one."""


def identify(request: Request, policy: Policy | None = None) -> User | None:
    """Return the user of a request, by its session or else by its API token.

    Parameters
    ----------
    request : Request
        Any request; its cookie goes before its token.
    policy : Policy, optional
        Policy of the route; without one, only sessions are considered.

    Returns
    -------
    User or None
        None if there is no valid session and no token.

    Raises
    ------
    HTTPException
        401 if there is a token that is not valid.
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
    # No account has this id: a token can change no password and end no session.
    return User(
        0,
        f"token {api_token.name}",
        api_token.role or "",
        areas,
        scopes=frozenset(api_token.scopes),
    )


def visitor(request: Request) -> User | None:
    """Return the user of a request on a route that needs none.

    Parameters
    ----------
    request : Request
        Any request.

    Returns
    -------
    User or None
        None if nobody is signed in.
    """
    known: User | None = getattr(request.state, "user", None)
    return known or identify(request)


def signed_in(request: Request) -> User:
    """Return the user of a request on a route whose policy needs one.

    Parameters
    ----------
    request : Request
        Request whose policy was checked.

    Returns
    -------
    User
        User of the session or token.
    """
    user: User = request.state.user
    return user


Visitor = Annotated[User | None, Depends(visitor)]
SignedIn = Annotated[User, Depends(signed_in)]


def set_session_cookie(
    response: Response,
    secret: str,
    request: Request,
    settings: Settings,
    *,
    hours: float | None = None,
) -> Response:
    """Set the cookie of a session, which no script can read.

    Parameters
    ----------
    response : Response
        Response that gets the cookie.
    secret : str
        Secret of the session.
    request : Request
        Request that is answered; over HTTPS the cookie is sent over HTTPS only.
    settings : Settings
        Settings of the deployment, for the length of the session.
    hours : float, optional
        Length of the session in hours, if it is not that of the settings.

    Returns
    -------
    Response
        The same response.
    """
    response.set_cookie(
        COOKIE,
        secret,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
        max_age=int((hours or settings.session_hours) * 3600),
    )
    return response


def client_address(request: Request) -> str:
    """Return the address that a request comes from.

    Parameters
    ----------
    request : Request
        Any request.

    Returns
    -------
    str
        IP address; empty if it is unknown.
    """
    return request.client.host if request.client else ""


def record_audit_entry(
    request: Request, user: User | None, action: AuditAction, object_: str, **detail: object
) -> None:
    """Write an entry of the audit log and commit it.

    Parameters
    ----------
    request : Request
        Request that the entry is about.
    user : User or None
        Who sent it; None if nobody is signed in.
    action : AuditAction
        What was done.
    object_ : str
        What it was done to.
    **detail : object
        Further values; must be representable as JSON.
    """
    with app_state(request).auth_pool.connection() as conn:
        append_audit_entry(
            conn,
            actor=user.name if user else "",
            role=user.role if user else "",
            address=client_address(request),
            action=action,
            object_=object_,
            detail=detail,
        )


def add_sign_in_redirect(app: FastAPI) -> None:
    """Redirect requests of pages without a session to the sign-in page, and back afterwards.

    Parameters
    ----------
    app : FastAPI
        Application that gets the exception handler.
    """
    unmatched_digest()  # computed now, so that the first unknown name takes no longer than others

    def _redirect(request: Request, error: Exception) -> Response:  # noqa: ARG001
        query = f"?{request.url.query}" if request.url.query else ""
        path = quote(request.url.path + query, safe="")
        return RedirectResponse(f"/sign-in?next={path}", status_code=303)

    app.add_exception_handler(SignInNeededError, _redirect)
