"""Pages of signing in and out, and of one's own account."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.templating import Jinja2Templates

from geo.maps.builder import navigation
from geo.maps.language import texts
from geo.settings import Settings
from geo.store import access, audit
from geo.store.access import User
from service.access import (
    COOKIE,
    SignedIn,
    Visitor,
    address_of,
    check_password,
    form_of,
    hash_password,
    home_of,
    record,
    require_csrf,
    require_same_site,
    rights_of,
    safe_next,
    with_session,
)
from service.bodies import LARGEST_FORM
from service.dependencies import Body, Deployment, Language
from service.policy import AuditRule, SecuredRoute, allow

router = APIRouter(include_in_schema=False, route_class=SecuredRoute)
_ACCOUNT = [allow(scopes=(), audit=AuditRule.ROUTE, max_body=LARGEST_FORM)]
_templates = Jinja2Templates(directory=Path(__file__).parent / "templates")
_ARGUMENTS = 4096


def page(
    request: Request, name: str, language: str, user: User | None, status: int = 200, **more: object
) -> HTMLResponse:
    """A page of ours in the visitor's language."""
    words = texts(language)
    return _templates.TemplateResponse(
        request, name,
        {"t": words, "language": language, "user": user,
         "links": navigation(language, rights_of(user) if user else frozenset()),
         "other_code": "en" if language == "zh" else "zh", **more},
        status_code=status, headers={"Vary": "Accept-Language", "Cache-Control": "no-store"},
    )  # fmt: skip


@router.get("/sign-in", dependencies=[allow(public=True, scopes=(), audit=AuditRule.NONE)])
def sign_in_page(
    request: Request,
    user: Visitor,
    language: Language,
    next_: Annotated[str, Query(alias="next")] = "/",
    provider: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """Name and password, or the provider."""
    if user is not None:
        return RedirectResponse(safe_next(next_), status_code=303)
    return _sign_in_page(request, language, safe_next(next_), refused=provider == "refused")


def _sign_in_page(
    request: Request, language: str, there: str, *, wrong: bool = False, refused: bool = False
) -> HTMLResponse:
    settings: Settings = request.app.state.settings
    other = urlencode({"lang": "en" if language == "zh" else "zh", "next": there})
    return page(
        request, "sign_in.html", language, None, 401 if wrong else 200, there=there, wrong=wrong,
        refused=refused, provider=settings.oidc_title or settings.oidc_issuer,
        provider_address=f"/sign-in/provider?{urlencode({'next': there})}",
        other=f"/sign-in?{other}",
    )  # fmt: skip


@router.post(
    "/sign-in",
    dependencies=[allow(public=True, scopes=(), audit=AuditRule.ROUTE, max_body=LARGEST_FORM)],
)
def sign_in(request: Request, body: Body, settings: Deployment, language: Language) -> Response:
    """Open a session for the right name and password; all else gets one and the same answer."""
    require_same_site(request)
    form = form_of(body)
    name, there = form.get("name", "").strip()[:200], safe_next(form.get("next", "/"))
    wait = request.app.state.tries.wait_s(address_of(request))
    if wait > 0:
        raise HTTPException(
            429, "Too many sign-ins from this address; wait a minute.",
            headers={"Retry-After": str(math.ceil(wait))},
        )  # fmt: skip
    doors = request.app.state.doors
    secret, told = check_password(doors, name, form.get("password", "")[:_ARGUMENTS], settings)
    with doors.connection() as conn:
        audit.write(
            conn, actor=name, role="", address=address_of(request),
            action="sign-in" if secret else "sign-in refused", object_="/sign-in", detail={"told": told},
        )  # fmt: skip
    if secret is None:
        return _sign_in_page(request, language, there, wrong=True)
    answer = RedirectResponse(there, status_code=303)
    return with_session(answer, secret, request, settings)


@router.post(
    "/sign-out",
    dependencies=[allow(scopes=(), walls=True, audit=AuditRule.ROUTE, max_body=LARGEST_FORM)],
)
def sign_out(request: Request, body: Body, user: SignedIn) -> Response:
    """End the session."""
    require_csrf(request, user, form_of(body))
    with request.app.state.doors.connection() as conn:
        access.close_session(conn, request.cookies[COOKIE])
    record(request, user, "sign-out", "/sign-out")
    answer = RedirectResponse("/sign-in", status_code=303)
    answer.delete_cookie(COOKIE)
    return answer


@router.get("/account", dependencies=[allow(scopes=(), audit=AuditRule.NONE)])
def account(request: Request, language: Language, user: SignedIn) -> HTMLResponse:
    """Who one is, and another password."""
    return page(request, "account.html", language, user, told="", good=True)


@router.post("/account", dependencies=_ACCOUNT)
def change_password(
    request: Request, body: Body, settings: Deployment, language: Language,
    user: SignedIn,
) -> Response:  # fmt: skip
    """Another password, for the right present one; all other sessions end."""
    form = form_of(body)
    require_csrf(request, user, form)
    words = texts(language)
    new = form.get("new", "")[:_ARGUMENTS]
    try:
        digest = hash_password(new)
    except ValueError:
        return page(
            request, "account.html", language, user, 422, told=words["password_short"], good=False
        )
    if new != form.get("again", ""):
        return page(
            request, "account.html", language, user, 422, told=words["password_differs"], good=False
        )
    doors = request.app.state.doors
    secret, told = check_password(doors, user.name, form.get("present", "")[:_ARGUMENTS], settings)
    with doors.connection() as conn:
        done = secret is not None and access.set_password(conn, user.name, digest)
        fresh = access.open_session(conn, user.id, hours=settings.session_hours) if done else None
        audit.write(
            conn, actor=user.name, role=user.role, address=address_of(request),
            action="password changed" if done else "password change refused", object_="/account",
            detail={"told": told},
        )  # fmt: skip
    if fresh is None:
        return page(
            request, "account.html", language, user, 422, told=words["password_wrong"], good=False
        )
    answer = page(
        request, "account.html", language, user, told=words["password_changed"], good=True
    )
    return with_session(answer, fresh, request, settings)


@router.get("/", dependencies=[allow(scopes=(), walls=True, audit=AuditRule.NONE)])
def home(request: Request, user: SignedIn) -> Response:
    """Lead to the first page that the role may see."""
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"{home_of(user)}{query}", status_code=303)
