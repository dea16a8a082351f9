"""Who asks, what their role may see, signing in and out, and the record of it."""

from __future__ import annotations

import hmac
import secrets
import threading
from collections import deque
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Annotated
from urllib.parse import parse_qs, quote

import argon2
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from psycopg_pool import ConnectionPool

from geo.settings import Settings
from geo.store import access, audit
from geo.store.access import EVERYWHERE, User
from geo.store.database import Conn
from geo.store.tokens import STAFF
from service.bodies import require_text
from service.machines import token

if TYPE_CHECKING:
    from service.policy import Policy

COOKIE = "gridcover_session"
MAPS = frozenset({"coverage", "incidents", "registers", "board"})
RIGHTS: dict[str, frozenset[str]] = {
    "planner": MAPS,
    "commander": MAPS | {"phones"},
    "analyst": MAPS,
    "clerk": frozenset({"registers", "board", "jobs"}),
    "auditor": frozenset({"audit"}),
    "administrator": MAPS | {"phones", "audit", "jobs", "users"},
}
"""What each role may see, everywhere within its areas."""
_hasher = argon2.PasswordHasher()
_SHORTEST = 10
_few = threading.BoundedSemaphore(2)
TRIES, TRIES_S = 20, 60.0
"""Sign-ins that one address may try in so many seconds."""


class SignInNeededError(Exception):
    """A page was asked for by nobody: lead to the sign-in and back."""


def hash_password(password: str) -> str:
    """The argon2id digest of a password.

    Raises
    ------
    ValueError : it is too short.
    """
    if len(password) < _SHORTEST:
        raise ValueError(f"a password has at least {_SHORTEST} characters")
    return _hasher.hash(password)


def make_password() -> str:
    """A random password that can be read out: five groups of four."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(4)) for _ in range(5))


@cache
def _nobody() -> str:
    """The digest of no account: a name that there is not takes as long as a wrong password."""
    return _hasher.hash("nobody has this password")


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
        settings: Settings = request.app.state.settings
        with request.app.state.doors.connection() as conn:
            return access.find_session(conn, secret, idle_hours=settings.session_idle_hours)
    if policy is None or not policy.scopes:
        return None
    api_token = token(request)
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


def rights_of(user: User) -> frozenset[str]:
    """Return what someone may see: the rights of the role, less what a wall or a token has not."""
    rights = RIGHTS.get(user.role, frozenset())
    if user.scopes is None:
        return rights - {"phones"} if user.wall else rights
    if STAFF not in user.scopes:
        return rights - {"phones"}
    return rights if user.role else frozenset({"phones"})


def home_of(user: User) -> str:
    """The first page a role may see."""
    for right, path in (("coverage", "/maps/coverage"), ("board", "/board"), ("audit", "/audit")):
        if right in rights_of(user):
            return path
    return "/account"


def form_of(body: bytes) -> dict[str, str]:
    """Fields of a form; of one that comes twice the last."""
    try:
        fields = parse_qs(body.decode("utf-8"), max_num_fields=20, keep_blank_values=True)
    except ValueError as error:
        raise HTTPException(400, "The form cannot be read.") from error
    for values in fields.values():
        require_text(values[-1])
    return {name: values[-1] for name, values in fields.items()}


def require_same_site(request: Request) -> None:
    """Refuse a form that another site had the browser send."""
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site", "same-origin")
    ours = f"{request.url.scheme}://{request.headers.get('host', '')}"
    if site not in ("same-origin", "none") or (origin and origin.lower() != ours.lower()):
        raise HTTPException(
            403, f"The form comes from another site ({origin or site}); this service is {ours}. Where that is "
            "not how browsers reach it, set GRIDCOVER_PUBLIC_URL.",
        )  # fmt: skip


def require_csrf(request: Request, user: User, form: dict[str, str]) -> None:
    """Refuse a form that was not made for this session."""
    require_same_site(request)
    if not user.csrf or not hmac.compare_digest(form.get("csrf", ""), user.csrf):
        raise HTTPException(403, "The form is out of date; open the page again.")


def with_session(
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


def safe_next(path: str) -> str:
    """Where to go after signing in: a page of ours, whatever the address says."""
    if not path.startswith("/") or path.startswith(("//", "/\\")) or "\n" in path or "\r" in path:
        return "/"
    return path


def check_password(
    pool: ConnectionPool[Conn], name: str, password: str, settings: Settings
) -> tuple[str | None, str]:
    """A session's secret for the right password, else None, with what the record says of it.

    No connection is held while the password is worked on, and only a few are at a time: guessing
    must not take the service's memory and connections from those who are signed in.
    """
    with pool.connection() as conn:
        found = access.account(conn, name)
    if found is None:
        _matches(_nobody(), password)
        return None, "unknown name"
    user, digest, locked = found
    right = _matches(digest, password)
    if locked:
        return None, "locked"
    with pool.connection() as conn:
        if not right:
            access.note_failure(conn, user)
            return None, "wrong password"
        # Between the two looks others may have locked or changed the account.
        if not access.still_open(conn, user, digest):
            return None, "locked"
        return access.open_session(conn, user, hours=settings.session_hours), "signed in"


class Tries:
    """How often each address tried lately."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._times: dict[str, deque[float]] = {}

    def wait_s(self, address: str) -> float:
        """Note one more try; how long to wait where there were too many, else 0."""
        now = self._clock()
        with self._lock:
            for other in [a for a, t in self._times.items() if t and t[-1] < now - TRIES_S]:
                del self._times[other]
            times = self._times.setdefault(address, deque())
            while times and times[0] < now - TRIES_S:
                times.popleft()
            if len(times) >= TRIES:
                return times[0] + TRIES_S - now
            times.append(now)
            return 0.0


def _matches(digest: str, password: str) -> bool:
    try:
        with _few:
            return _hasher.verify(digest, password)
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False


def address_of(request: Request) -> str:
    """Where a request comes from."""
    return request.client.host if request.client else ""


def record(
    request: Request, user: User | None, action: str, object_: str, **detail: object
) -> None:
    """An entry of the audit record, committed."""
    with request.app.state.doors.connection() as conn:
        audit.write(
            conn, actor=user.name if user else "", role=user.role if user else "",
            address=address_of(request), action=action, object_=object_, detail=detail,
        )  # fmt: skip


def add_sign_in(app: FastAPI) -> None:
    """Lead those who are not signed in from a page to the sign-in and back."""
    _nobody()  # made now, so that the first unknown name takes no longer than the next

    def to_sign_in(request: Request, error: Exception) -> Response:  # noqa: ARG001
        query = f"?{request.url.query}" if request.url.query else ""
        there = quote(request.url.path + query, safe="")
        return RedirectResponse(f"/sign-in?next={there}", status_code=303)

    app.add_exception_handler(SignInNeededError, to_sign_in)
