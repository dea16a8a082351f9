"""Who asks, what their role may see, signing in and out, and the record of it."""

from __future__ import annotations

import hmac
import re
import secrets
import threading
from collections import deque
from collections.abc import Callable
from functools import cache
from typing import Annotated
from urllib.parse import parse_qs, quote, urlsplit

import argon2
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from psycopg_pool import ConnectionPool
from starlette.datastructures import State
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from geo.maps.language import texts
from geo.settings import Settings
from geo.store import access, audit
from geo.store.access import User
from geo.store.database import Conn
from geo.store.tokens import READ
from service.answers import problem
from service.machines import token

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


_DATA = ("/api", "/tiles", "/ogc", "/openapi")
"""What programs ask for: answered with a status, not led to the sign-in; tokens are good here only."""


def visitor(request: Request) -> User | None:
    """Who asks: by the session, else by a token that may read data; None of nobody's."""
    secret = request.cookies.get(COOKIE)
    if not secret:
        return _reader(request) if _for_programs(request) else None
    settings: Settings = request.app.state.settings
    with request.app.state.doors.connection() as conn:
        found = access.find_session(conn, secret, idle_hours=settings.session_idle_hours)
    if found is not None and found.wall and not _on_walls(request):
        raise HTTPException(
            403, "This is the session of a wall: it shows maps and nothing else. Sign in for more."
        )
    request.state.user = found
    return found


_WALLS = ("/wall", "/maps/coverage", "/maps/incidents", "/board", "/tiles", "/api/v1/")
_NOT_ON_WALLS = (
    "/api/v1/export", "/api/v1/jobs", "/api/v1/history", "/api/v1/scenarios", "/api/v1/registers",
    "/api/v1/cameras/", "/api/v1/search",
)  # fmt: skip


def _on_walls(request: Request) -> bool:
    path = request.url.path
    leaving = path == "/sign-out" and request.method == "POST"
    looking = request.method == "GET" and path.startswith(_WALLS)
    return leaving or (looking and not path.startswith(_NOT_ON_WALLS))


def _for_programs(request: Request) -> bool:
    path: str = request.scope.get("root_path", "") + request.url.path
    return request.url.path.startswith(_DATA) or path.startswith(_DATA)


def _reader(request: Request) -> User | None:
    found = token(request)
    if found is None or READ not in found.scopes or found.role is None:
        return None
    # Nobody's account: it can change no password and end no session.
    user = User(0, f"token {found.name}", found.role, found.areas)
    request.state.user = user
    return user


Visitor = Annotated[User | None, Depends(visitor)]


def needs(*rights: str) -> Callable[..., User]:
    """A dependency that lets those through whose role has one of some rights."""

    def allowed(request: Request, user: Visitor) -> User:
        if user is None:
            if not _for_programs(request):
                raise SignInNeededError
            raise HTTPException(
                401, "Sign in first, or send a token of the scope data:read.",
                headers={"WWW-Authenticate": "Bearer"},
            )  # fmt: skip
        if rights and not RIGHTS[user.role] & set(rights):
            raise HTTPException(403, f"The role {user.role} may not see this.")
        return user

    return allowed


def home_of(user: User) -> str:
    """The first page a role may see."""
    for right, path in (("coverage", "/maps/coverage"), ("board", "/board"), ("audit", "/audit")):
        if right in RIGHTS[user.role]:
            return path
    return "/account"


def form_of(body: bytes) -> dict[str, str]:
    """Fields of a form; of one that comes twice the last."""
    try:
        fields = parse_qs(body.decode("utf-8"), max_num_fields=20, keep_blank_values=True)
    except ValueError as error:
        raise HTTPException(400, "The form cannot be read.") from error
    return {name: values[-1] for name, values in fields.items()}


def require_same_site(request: Request) -> None:
    """Refuse a form that another site had the browser send."""
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site", "same-origin")
    host = request.headers.get("host", "")
    if site not in ("same-origin", "none") or (origin and urlsplit(origin).netloc != host):
        raise HTTPException(403, "The form comes from another site.")


def require_ours(request: Request) -> None:
    """Refuse what another site had the browser post; a program shows a token of its own."""
    if not request.headers.get("authorization"):
        require_same_site(request)


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


_RECORDED = (
    "/api/", "/maps/", "/board", "/audit", "/tiles/", "/ogc/", "/jobs", "/users", "/wall", "/runs",
)  # fmt: skip
_FOLLOWED = "/api/v1/what-if/views"
"""Asked with every move of a pointer."""
_ASKED = ("/api/v1/what-if", _FOLLOWED, "/api/v1/sites")
"""Questions that are posted."""
_TILE = re.compile(
    r"/tiles/(?P<set>[\w-]+)/\d+/|/ogc/collections/(?P<collection>[\w-]+)/tiles/\w+/\d+/"
)
_PAUSE_S = 600.0


class Recorded:
    """Middleware: who saw what is put on record before it is shown."""

    def __init__(self, app: ASGIApp, language: str) -> None:
        self.app = app
        self.language = language
        self._often: dict[str, float] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or not (
            scope["path"].startswith(_RECORDED)
            if scope["method"] == "GET"
            else scope["path"] in _ASKED
        ):
            await self.app(scope, receive, send)
            return
        refused = False
        # An application that is mounted puts itself in place of ours once it is called.
        state = scope["app"].state

        async def recorded(message: Message) -> None:
            nonlocal refused
            if message["type"] == "http.response.start":
                refused = not await self._record(state, Request(scope), message["status"])
                if refused:
                    # Who looked must be on record: what cannot be recorded is not shown.
                    told = problem(503, "not recorded", texts(self.language)["error_database"])
                    await told(scope, receive, send)
            if not refused:
                await send(message)

        await self.app(scope, receive, recorded)

    async def _record(self, state: State, request: Request, status: int) -> bool:
        user: User | None = getattr(request.state, "user", None)
        if user is None or status >= 500:
            return True
        path, query = request.scope["path"], request.url.query
        tile = _TILE.match(path)
        now, key = 0.0, None
        if tile or path == _FOLLOWED:
            # A map asks for many tiles, and a camera that is dragged for many views: one entry for all of a
            # layer within ten minutes.
            if tile and tile["set"] == "base":
                return True
            now = state.clock()
            path = f"/tiles/{tile['set'] or tile['collection']}" if tile else path
            key = f"{user.csrf or user.name} {path}"
            if now - self._often.get(key, -_PAUSE_S) < _PAUSE_S:
                return True
            for old in [k for k, at in self._often.items() if now - at >= _PAUSE_S]:
                del self._often[old]
            query = ""
        try:
            await state.recorder.add(
                actor=user.name, role=user.role, address=address_of(request),
                action="looked" if request.method == "GET" else "asked",
                object_=path, detail={"query": query, "status": status},
            )  # fmt: skip
        except Exception:  # noqa: BLE001
            return False
        if key:
            self._often[key] = now
        return True


def add_access(app: FastAPI, language: str) -> None:
    """Lead nobody to the sign-in, and record who saw what before it is shown."""
    _nobody()  # made now, so that the first unknown name takes no longer than the next

    def to_sign_in(request: Request, error: Exception) -> Response:  # noqa: ARG001
        query = f"?{request.url.query}" if request.url.query else ""
        there = quote(request.url.path + query, safe="")
        return RedirectResponse(f"/sign-in?next={there}", status_code=303)

    app.add_exception_handler(SignInNeededError, to_sign_in)
    app.add_middleware(Recorded, language=language)
