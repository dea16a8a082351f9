"""Page of the accounts: add, remove, set a password."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, Response

from geo.errors import GridcoverError
from geo.maps.language import texts
from geo.store.audit_actions import AuditAction
from geo.store.connection import Conn
from geo.store.queries.areas import read_area_tree
from geo.store.queries.audit import append_audit_entry
from geo.store.queries.users import User, add_user, disable_user, list_users, set_password
from geo.store.scope import EVERYWHERE, ROLES
from service.auth.forms import parse_form, require_csrf
from service.auth.passwords import generate_password, hash_password
from service.auth.sessions import SignedIn, client_address
from service.dependencies import Body, Language, Writing
from service.pages.rendering import render_page
from service.policy import AuditRule, SecuredRoute, allow
from service.request_bodies import LARGEST_FORM

router = APIRouter(include_in_schema=False, route_class=SecuredRoute)
_POLICY = {"scopes": (), "everywhere": True, "max_body": LARGEST_FORM}
_MAX_NAME = 200


@router.get("/users", dependencies=[allow("users", **_POLICY)])
def users_page(request: Request, conn: Writing, user: SignedIn, language: Language) -> HTMLResponse:
    """Show the accounts and the form for a new one."""
    return _page(request, conn, user, language)


@router.post("/users", dependencies=[allow("users", audit=AuditRule.ROUTE, **_POLICY)])
def change_user(
    request: Request, conn: Writing, user: SignedIn, language: Language, body: Body
) -> Response:
    """Add or remove an account, or set a new password, which is shown once."""
    form = parse_form(body)
    require_csrf(request, user, form)
    words = texts(language)
    name = form.get("name", "").strip()[:_MAX_NAME]
    task = form.get("task", "")
    password = generate_password()
    action = {
        "add": AuditAction.USER_ADDED,
        "remove": AuditAction.USER_REMOVED,
        "password": AuditAction.PASSWORD_SET,
    }.get(task)
    if action is None:
        raise HTTPException(400, "There is no such task; open the page again.")
    try:
        detail = _apply(conn, task, name, password, form, user, words)
    except GridcoverError as error:
        conn.rollback()
        return _page(request, conn, user, language, 422, wrong=str(error), form=form)
    append_audit_entry(
        conn,
        actor=user.name,
        role=user.role,
        address=client_address(request),
        action=action,
        object_=name,
        detail=detail,
    )
    conn.commit()
    if task == "remove":
        return _page(
            request, conn, user, language, message=words["user_removed"].replace("{name}", name)
        )
    return _page(
        request,
        conn,
        user,
        language,
        message=words["user_password_is"].replace("{name}", name),
        password=password,
    )


def _apply(
    conn: Conn,
    task: str,
    name: str,
    password: str,
    form: dict[str, str],
    user: User,
    words: dict[str, str],
) -> dict[str, object]:
    """Apply a task and return the detail of its audit entry."""
    if task == "add":
        codes = form.get("areas", "").replace("，", ",").split(",")
        areas = [EVERYWHERE] if form.get("everywhere") else [c.strip() for c in codes if c.strip()]
        if not name:
            raise GridcoverError(words["user_needs_name"])
        add_user(conn, name, hash_password(password), form.get("role", ""), areas)
        return {"role": form.get("role", ""), "areas": areas}
    if name.lower() == user.name.lower():
        raise GridcoverError(words["user_not_self"])
    if task == "remove":
        is_known = disable_user(conn, name)
    else:
        is_known = set_password(conn, name, hash_password(password))
    if not is_known:
        raise GridcoverError(words["user_unknown"].replace("{name}", name))
    return {}


def _page(
    request: Request, conn: Conn, user: User, language: str, status: int = 200, **more: object
) -> HTMLResponse:
    accounts = list_users(conn)
    areas = read_area_tree(conn)
    names = {row["code"]: row["name"] for row in areas}
    return render_page(
        request,
        "users.html",
        language,
        user,
        status,
        accounts=accounts,
        areas=areas,
        names=names,
        roles=ROLES,
        everywhere=EVERYWHERE,
        **({"form": {}} | more),
    )
