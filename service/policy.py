"""Policies of routes: who may use them, with which tokens, and what is written to the audit log.

A policy is one of the `dependencies` of a route or of its router. `SecuredRoute` enforces it before
the body of a request is read; `require_policies` refuses an application with a route without one.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NoReturn

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.params import Depends as Dependency
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from geo.store.queries.api_tokens import READ
from geo.store.queries.users import User
from service.auth.forms import require_same_origin
from service.auth.permissions import ALL_RIGHTS, rights_of
from service.auth.sessions import SignInNeededError, identify
from service.request_bodies import LARGEST_JSON, LimitedRequest
from service.state import app_state

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class AuditRule(StrEnum):
    """What of a request is written to the audit log."""

    NONE = "none"
    """Nothing: the route shows no row of a register and no result."""
    VIEW = "view"
    """An entry for each request, before it is answered."""
    SAMPLED = "sampled"
    """As `VIEW`, but one entry in ten minutes for all tiles of a layer or moves of a pointer."""
    ROUTE = "route"
    """The route writes its own entry, in the transaction of what it changes."""


@dataclass(frozen=True)
class Policy:
    """Who may use a route, and what is recorded.

    Attributes
    ----------
    rights : frozenset of str
        One of these rights is needed; empty if every account may use the route.
    scopes : tuple of str
        Scopes of which an API token needs one, whatever its role; empty if no token may use the
        route.
    sessions : bool
        Whether sessions may use it; otherwise only tokens.
    video_wall : bool
        Whether the session of a video wall may use it.
    everywhere : bool
        Whether only users who see the whole deployment may use it.
    public : bool
        Whether it may be used without signing in.
    cached : bool
        Whether an identity that was checked within the last seconds is sufficient.
    audit : AuditRule
        What is written to the audit log.
    max_body : int
        Most bytes of the body of a request.
    """

    rights: frozenset[str] = frozenset()
    scopes: tuple[str, ...] = (READ,)
    sessions: bool = True
    video_wall: bool = False
    everywhere: bool = False
    public: bool = False
    cached: bool = False
    audit: AuditRule = AuditRule.VIEW
    max_body: int = LARGEST_JSON

    def __call__(self, request: Request) -> None:
        """Refuse a request that did not come through `SecuredRoute`."""
        if getattr(request.state, "policy", None) is None:
            raise RuntimeError(f"{request.url.path} is not served by a SecuredRoute")


def allow(*rights: str, **options: Any) -> Any:
    """Return the dependency that declares the policy of a route or router.

    Parameters
    ----------
    *rights : str
        One of these rights is needed.
    **options : Any
        The other fields of `Policy`.

    Returns
    -------
    Any
        Dependency of FastAPI.

    Raises
    ------
    ValueError
        If no role has one of the rights.
    """
    if unknown := sorted(set(rights) - ALL_RIGHTS):
        raise ValueError(
            f"no role has the right {', '.join(unknown)}; see service/auth/permissions.py"
        )
    return Depends(Policy(frozenset(rights), **options))


def policy_of(dependencies: list[Dependency]) -> Policy | None:
    """Return the policy among the dependencies of a route.

    Parameters
    ----------
    dependencies : list of fastapi.params.Depends
        Dependencies of the router, then of the route.

    Returns
    -------
    Policy or None
        That of the route, else that of its router; None if there is none.
    """
    policies = [d.dependency for d in dependencies if isinstance(d.dependency, Policy)]
    return policies[-1] if policies else None


class SecuredRoute(APIRoute):
    """A route that checks its policy and the user before the body of a request is read."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler of requests.

        Returns
        -------
        callable
            Takes a request; returns an awaitable of the response.
        """
        handle = super().get_route_handler()
        policy = policy_of(self.dependencies)

        async def _handle_secured(request: Request) -> Response:
            if policy is None:
                raise RuntimeError(f"the route {self.path} declares no policy")
            request.state.policy = policy
            await _authorise(request, policy)
            return await handle(LimitedRequest(request, max_body=policy.max_body))

        return _handle_secured


async def _authorise(request: Request, policy: Policy) -> None:
    if policy.public:
        return
    user: User | None
    if policy.cached:
        user = await app_state(request).identities.user(request, policy)
    else:
        user = await run_in_threadpool(identify, request, policy)
    if user is None:
        _refuse_nobody(policy)
    request.state.user = user
    if user.scopes is not None and not user.scopes & set(policy.scopes):
        raise HTTPException(
            403,
            f"The {user.name} is not for this; it needs the scope {' or '.join(policy.scopes)}.",
        )
    if user.wall and not policy.video_wall:
        raise HTTPException(
            403, "This is the session of a wall: it shows maps and nothing else. Sign in for more."
        )
    if policy.rights and not rights_of(user) & policy.rights:
        raise HTTPException(403, f"The role {user.role} may not see this.")
    if policy.everywhere and not user.everywhere:
        raise HTTPException(403, "This is for those who see the whole deployment.")
    # A browser sends the cookie of a session by itself, a program sends its token on purpose.
    if user.scopes is None and request.method not in _SAFE_METHODS:
        require_same_origin(request)


def _refuse_nobody(policy: Policy) -> NoReturn:
    if not policy.scopes:
        raise SignInNeededError
    if policy.sessions:
        detail = f"Sign in first, or send a token of the scope {' or '.join(policy.scopes)}."
    else:
        detail = (
            "This needs an API token of the scope "
            f"{' or '.join(policy.scopes)}: send it as `Authorization: Bearer TOKEN`."
        )
    raise HTTPException(401, detail, headers={"WWW-Authenticate": "Bearer"})


def api_routes(app: FastAPI) -> Iterator[APIRoute]:
    """Yield every route of an application and of the routers that it includes.

    Parameters
    ----------
    app : FastAPI
        Application with all its routers.

    Yields
    ------
    APIRoute
        One route.
    """
    routes = list(app.routes)
    while routes:
        route = routes.pop()
        if hasattr(route, "original_router"):
            routes += route.original_router.routes
        elif isinstance(route, APIRoute):
            yield route


def require_policies(app: FastAPI) -> None:
    """Refuse an application that has a route without a policy.

    Parameters
    ----------
    app : FastAPI
        Application with all its routers.

    Raises
    ------
    RuntimeError
        If a route is not a `SecuredRoute`, or declares no policy.
    """
    for route in api_routes(app):
        if not isinstance(route, SecuredRoute) or policy_of(route.dependencies) is None:
            raise RuntimeError(
                f"the route {route.path} declares no policy; give its router "
                "`route_class=SecuredRoute` and the route `dependencies=[allow(...)]`"
            )
