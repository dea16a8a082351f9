"""Pages to sign in and out, and of the account."""

from __future__ import annotations

import math
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from geo.maps.language import texts
from geo.settings import Settings
from geo.store.audit_actions import AuditAction
from geo.store.queries.audit import append_audit_entry
from geo.store.queries.sessions import close_session, open_session
from geo.store.queries.users import set_password
from service.auth.forms import parse_form, require_csrf, require_same_origin, safe_redirect_path
from service.auth.passwords import check_password, hash_password
from service.auth.permissions import home_page_of
from service.auth.sessions import (
    COOKIE,
    SignedIn,
    Visitor,
    client_address,
    record_audit_entry,
    set_session_cookie,
)
from service.dependencies import Body, Deployment, Language
from service.pages.rendering import render_page
from service.policy import AuditRule, SecuredRoute, allow
from service.request_bodies import LARGEST_FORM
from service.state import app_state

router = APIRouter(include_in_schema=False, route_class=SecuredRoute)
_ACCOUNT = [allow(scopes=(), audit=AuditRule.ROUTE, max_body=LARGEST_FORM)]
_MAX_PASSWORD = 4096


@router.get("/sign-in", dependencies=[allow(public=True, scopes=(), audit=AuditRule.NONE)])
def sign_in_page(
    request: Request,
    user: Visitor,
    language: Language,
    next_: Annotated[str, Query(alias="next")] = "/",
    provider: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """Show the form for name and password, and the link to the identity provider."""
    if user is not None:
        return RedirectResponse(safe_redirect_path(next_), status_code=303)
    return _sign_in_page(
        request, language, safe_redirect_path(next_), refused=provider == "refused"
    )


def _sign_in_page(
    request: Request, language: str, there: str, *, wrong: bool = False, refused: bool = False
) -> HTMLResponse:
    settings: Settings = app_state(request).settings
    other = urlencode({"lang": "en" if language == "zh" else "zh", "next": there})
    return render_page(
        request,
        "sign_in.html",
        language,
        None,
        401 if wrong else 200,
        there=there,
        wrong=wrong,
        refused=refused,
        provider=settings.oidc_title or settings.oidc_issuer,
        provider_address=f"/sign-in/provider?{urlencode({'next': there})}",
        other=f"/sign-in?{other}",
    )


@router.post(
    "/sign-in",
    dependencies=[allow(public=True, scopes=(), audit=AuditRule.ROUTE, max_body=LARGEST_FORM)],
)
def sign_in(request: Request, body: Body, settings: Deployment, language: Language) -> Response:
    """Open a session; a wrong name and a wrong password get the same response."""
    require_same_origin(request)
    form = parse_form(body)
    name, there = form.get("name", "").strip()[:200], safe_redirect_path(form.get("next", "/"))
    wait = app_state(request).login_throttle.wait_s(client_address(request))
    if wait > 0:
        raise HTTPException(
            429,
            "Too many sign-ins from this address; wait a minute.",
            headers={"Retry-After": str(math.ceil(wait))},
        )
    auth_pool = app_state(request).auth_pool
    secret, result = check_password(
        auth_pool, name, form.get("password", "")[:_MAX_PASSWORD], settings
    )
    with auth_pool.connection() as conn:
        append_audit_entry(
            conn,
            actor=name,
            role="",
            address=client_address(request),
            action=AuditAction.SIGN_IN if secret else AuditAction.SIGN_IN_REFUSED,
            object_="/sign-in",
            detail={"result": result},
        )
    if secret is None:
        return _sign_in_page(request, language, there, wrong=True)
    response = RedirectResponse(there, status_code=303)
    return set_session_cookie(response, secret, request, settings)


@router.post(
    "/sign-out",
    dependencies=[allow(scopes=(), video_wall=True, audit=AuditRule.ROUTE, max_body=LARGEST_FORM)],
)
def sign_out(request: Request, body: Body, user: SignedIn) -> Response:
    """Close the session."""
    require_csrf(request, user, parse_form(body))
    with app_state(request).auth_pool.connection() as conn:
        close_session(conn, request.cookies[COOKIE])
    record_audit_entry(request, user, AuditAction.SIGN_OUT, "/sign-out")
    response = RedirectResponse("/sign-in", status_code=303)
    response.delete_cookie(COOKIE)
    return response


@router.get("/account", dependencies=[allow(scopes=(), audit=AuditRule.NONE)])
def account(request: Request, language: Language, user: SignedIn) -> HTMLResponse:
    """Show the account and the form to change its password."""
    return render_page(request, "account.html", language, user, message="", is_good=True)


@router.post("/account", dependencies=_ACCOUNT)
def change_password(
    request: Request,
    body: Body,
    settings: Deployment,
    language: Language,
    user: SignedIn,
) -> Response:
    """Change the password of the account; all its other sessions end."""
    form = parse_form(body)
    require_csrf(request, user, form)
    words = texts(language)
    new = form.get("new", "")[:_MAX_PASSWORD]
    try:
        digest = hash_password(new)
    except ValueError:
        return render_page(
            request,
            "account.html",
            language,
            user,
            422,
            message=words["password_short"],
            is_good=False,
        )
    if new != form.get("again", ""):
        return render_page(
            request,
            "account.html",
            language,
            user,
            422,
            message=words["password_differs"],
            is_good=False,
        )
    auth_pool = app_state(request).auth_pool
    secret, result = check_password(
        auth_pool, user.name, form.get("present", "")[:_MAX_PASSWORD], settings
    )
    with auth_pool.connection() as conn:
        done = secret is not None and set_password(conn, user.name, digest)
        fresh = open_session(conn, user.id, hours=settings.session_hours) if done else None
        append_audit_entry(
            conn,
            actor=user.name,
            role=user.role,
            address=client_address(request),
            action=AuditAction.PASSWORD_CHANGED if done else AuditAction.PASSWORD_CHANGE_REFUSED,
            object_="/account",
            detail={"result": result},
        )
    if fresh is None:
        return render_page(
            request,
            "account.html",
            language,
            user,
            422,
            message=words["password_wrong"],
            is_good=False,
        )
    response = render_page(
        request, "account.html", language, user, message=words["password_changed"], is_good=True
    )
    return set_session_cookie(response, fresh, request, settings)


@router.get("/", dependencies=[allow(scopes=(), video_wall=True, audit=AuditRule.NONE)])
def home(request: Request, user: SignedIn) -> Response:
    """Redirect to the first page that the role may see."""
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"{home_page_of(user)}{query}", status_code=303)
