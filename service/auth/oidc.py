"""Sign-in at an OpenID Connect provider: the authorisation code flow with PKCE, by Authlib."""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from typing import Annotated, Any

import requests
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import RedirectResponse
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from geo.errors import GridcoverError
from geo.settings import Settings
from geo.store.audit_actions import AuditAction
from geo.store.queries.audit import append_audit_entry
from geo.store.queries.oidc_sign_ins import (
    SignIn,
    account_of_subject,
    begin_sign_in,
    take_sign_in,
    upsert_account,
)
from geo.store.queries.sessions import open_session
from geo.store.scope import ROLES
from service.auth.forms import safe_redirect_path
from service.auth.sessions import client_address, set_session_cookie
from service.dependencies import Deployment
from service.policy import AuditRule, SecuredRoute, allow
from service.state import app_state

router = APIRouter(
    include_in_schema=False, route_class=SecuredRoute,
    dependencies=[allow(public=True, scopes=(), audit=AuditRule.ROUTE)],
)  # fmt: skip
COOKIE = "gridcover_provider"
_TIMEOUT_S = 10
_ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]
_KEPT_S = 3600.0


class Provider:
    """What a provider says of itself, asked anew every hour."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._told: dict[str, Any] = {}
        self._at = -_KEPT_S

    def metadata(self) -> dict[str, Any]:
        """Its addresses.

        Raises
        ------
        requests.RequestException, ValueError : it does not answer, or is not the one that was named.
        """
        with self._lock:
            if not self._told or time.monotonic() - self._at > _KEPT_S:
                issuer = str(self._settings.oidc_issuer).rstrip("/")
                told = _get(f"{issuer}/.well-known/openid-configuration")
                if str(told.get("issuer", "")).rstrip("/") != issuer:
                    raise ValueError(
                        f"the provider calls itself {told.get('issuer')}, not {issuer}"
                    )
                self._told, self._at = told, time.monotonic()
            return self._told

    def claims(self, token: dict[str, Any], nonce: str) -> dict[str, Any]:
        """Who signed in, from an identity token that is checked: signature, issuer, audience, time, nonce.

        Raises
        ------
        JoseError, ValueError, requests.RequestException : it is not good.
        """
        if "id_token" not in token:
            raise ValueError("the provider sent no identity token")
        told: Any = _get(self.metadata()["jwks_uri"])
        keys = KeySet.import_key_set(told)
        decoded = jwt.decode(
            token["id_token"], keys, registry=JWSRegistry(algorithms=_ALGORITHMS, strict_check_header=False)
        )  # fmt: skip
        client = self._settings.oidc_client_id
        found = CodeIDToken(
            decoded.claims, decoded.header,
            {"iss": {"essential": True, "values": [self.metadata()["issuer"]]},
             "aud": {"essential": True, "value": client}, "nonce": {"essential": True}},
            {"nonce": nonce, "client_id": client, "access_token": token.get("access_token")},
        )  # fmt: skip
        found.validate(leeway=60)
        return dict(found)


def _get(address: str) -> dict[str, Any]:
    answer = requests.get(address, timeout=_TIMEOUT_S, allow_redirects=False)
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


def _session(settings: Settings, request: Request) -> OAuth2Session:
    secret = settings.oidc_client_secret
    return OAuth2Session(
        settings.oidc_client_id, secret.get_secret_value() if secret else None,
        scope="openid profile", redirect_uri=f"{request.base_url}sign-in/provider/done",
        code_challenge_method="S256",
        token_endpoint_auth_method="client_secret_basic" if secret else "none",
    )  # fmt: skip


@router.get("/sign-in/provider")
def begin(
    request: Request, settings: Deployment, next_: Annotated[str, Query(alias="next")] = "/"
) -> Response:
    """Lead to the provider."""
    if settings.oidc_issuer is None:
        raise HTTPException(404, "There is no provider to sign in at.")
    state, nonce = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    verifier = secrets.token_urlsafe(48)
    try:
        there, _ = _session(settings, request).create_authorization_url(
            app_state(request).oidc.metadata()["authorization_endpoint"],
            state=state, code_verifier=verifier, nonce=nonce,
        )  # fmt: skip
    except (requests.RequestException, ValueError, KeyError) as error:
        return _refused(request, "", f"provider does not answer: {error}")
    with app_state(request).auth_pool.connection() as conn:
        begin_sign_in(conn, state, SignIn(nonce, verifier, safe_redirect_path(next_)))
    answer = RedirectResponse(there, status_code=303)
    answer.set_cookie(
        COOKIE, state, httponly=True, samesite="lax", max_age=600, path="/sign-in/provider",
        secure=request.url.scheme == "https",
    )  # fmt: skip
    return answer


@router.get("/sign-in/provider/done")
def done(
    request: Request,
    settings: Deployment,
    state: Annotated[str, Query(max_length=200)] = "",
    code: Annotated[str, Query(max_length=4000)] = "",
    error: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Come back from the provider: open a session for whom it names."""
    if settings.oidc_issuer is None:
        raise HTTPException(404, "There is no provider to sign in at.")
    # The state must be the one that this very browser was given.
    if not state or not hmac.compare_digest(state, request.cookies.get(COOKIE, "")):
        return _refused(request, "", "state of another browser")
    doors = app_state(request).auth_pool
    with doors.connection() as conn:
        under_way = take_sign_in(conn, state)
    if under_way is None:
        return _refused(request, "", "sign-in unknown or too old")
    if error or not code:
        return _refused(request, "", f"provider: {error or 'no code'}")
    found: Provider = app_state(request).oidc
    try:
        token = _session(settings, request).fetch_token(
            found.metadata()["token_endpoint"], code=code, code_verifier=under_way.verifier,
            timeout=_TIMEOUT_S,
        )  # fmt: skip
        claims = found.claims(token, under_way.nonce)
    except (requests.RequestException, OAuthError, JoseError, ValueError, KeyError) as told:
        return _refused(request, "", f"not verified: {type(told).__name__}: {told}")
    subject = str(claims["sub"])
    name = str(claims.get(settings.oidc_name_claim) or subject)[:200]
    try:
        with doors.connection() as conn:
            user = _account(conn, settings, subject, name, claims)
            if user is None:
                return _refused(request, name, f"no account for subject {subject}")
            secret = open_session(conn, user, hours=settings.session_hours)
            append_audit_entry(
                conn, actor=name, role="", address=client_address(request), action=AuditAction.SIGN_IN,
                object_="/sign-in/provider", detail={"told": "signed in", "subject": subject},
            )  # fmt: skip
    except GridcoverError as told:
        return _refused(request, name, str(told))
    answer = RedirectResponse(under_way.next, status_code=303)
    answer.delete_cookie(COOKIE, path="/sign-in/provider")
    return set_session_cookie(answer, secret, request, settings)


def _account(
    conn: Any, settings: Settings, subject: str, name: str, claims: dict[str, Any]
) -> int | None:
    if settings.oidc_role_claim is None:
        return account_of_subject(conn, subject)
    role, areas = claims.get(settings.oidc_role_claim), claims.get(settings.oidc_areas_claim)
    if role not in ROLES or not areas:
        return None
    listed = [str(code) for code in areas] if isinstance(areas, list) else [str(areas)]
    return upsert_account(conn, subject, name, str(role), listed)


def _refused(request: Request, name: str, told: str) -> Response:
    with app_state(request).auth_pool.connection() as conn:
        append_audit_entry(
            conn, actor=name, role="", address=client_address(request), action=AuditAction.SIGN_IN_REFUSED,
            object_="/sign-in/provider", detail={"told": told[:500]},
        )  # fmt: skip
    answer = RedirectResponse("/sign-in?provider=refused", status_code=303)
    answer.delete_cookie(COOKIE, path="/sign-in/provider")
    return answer
