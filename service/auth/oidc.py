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
from geo.store.connection import Conn
from geo.store.queries.audit import append_audit_entry
from geo.store.queries.oidc_sign_ins import (
    SignIn,
    begin_sign_in,
    find_account_of_subject,
    pop_sign_in,
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
    include_in_schema=False,
    route_class=SecuredRoute,
    dependencies=[allow(public=True, scopes=(), audit=AuditRule.ROUTE)],
)
COOKIE = "gridcover_provider"
"""Name of the cookie that binds a sign-in to its browser."""
_TIMEOUT_S = 10
_ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]
_METADATA_S = 3600.0


class Provider:
    """An OpenID Connect provider; its metadata are requested once an hour.

    Parameters
    ----------
    settings : Settings
        Settings of the deployment, which name the issuer and the client.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._metadata: dict[str, Any] = {}
        self._requested_at = -_METADATA_S

    def metadata(self) -> dict[str, Any]:
        """Return the metadata of the provider.

        Returns
        -------
        dict
            Metadata of OpenID Connect Discovery, such as `authorization_endpoint`.

        Raises
        ------
        requests.RequestException
            If the provider does not answer.
        ValueError
            If the answer is not JSON, or is that of another issuer.
        """
        with self._lock:
            if not self._metadata or time.monotonic() - self._requested_at > _METADATA_S:
                issuer = str(self._settings.oidc_issuer).rstrip("/")
                metadata = _get_json(f"{issuer}/.well-known/openid-configuration")
                if str(metadata.get("issuer", "")).rstrip("/") != issuer:
                    raise ValueError(
                        f"the provider calls itself {metadata.get('issuer')}, not {issuer}"
                    )
                self._metadata, self._requested_at = metadata, time.monotonic()
            return self._metadata

    def claims(self, token: dict[str, Any], nonce: str) -> dict[str, Any]:
        """Return the claims of an identity token after checking it.

        Checked are signature, issuer, audience, times (with a leeway of 60 s) and nonce.

        Parameters
        ----------
        token : dict
            Response of the token endpoint.
        nonce : str
            Nonce of the sign-in.

        Returns
        -------
        dict
            Claims such as `sub`.

        Raises
        ------
        JoseError
            If a check fails.
        ValueError
            If there is no identity token.
        requests.RequestException
            If the keys of the provider cannot be requested.
        """
        if "id_token" not in token:
            raise ValueError("the provider sent no identity token")
        key_set: Any = _get_json(self.metadata()["jwks_uri"])
        decoded = jwt.decode(
            token["id_token"],
            KeySet.import_key_set(key_set),
            registry=JWSRegistry(algorithms=_ALGORITHMS, strict_check_header=False),
        )
        client = self._settings.oidc_client_id
        expected = {
            "iss": {"essential": True, "values": [self.metadata()["issuer"]]},
            "aud": {"essential": True, "value": client},
            "nonce": {"essential": True},
        }
        parameters = {
            "nonce": nonce,
            "client_id": client,
            "access_token": token.get("access_token"),
        }
        id_token = CodeIDToken(decoded.claims, decoded.header, expected, parameters)
        id_token.validate(leeway=60)
        return dict(id_token)


def _get_json(url: str) -> dict[str, Any]:
    response = requests.get(url, timeout=_TIMEOUT_S, allow_redirects=False)
    response.raise_for_status()
    content: dict[str, Any] = response.json()
    return content


def _oauth_session(settings: Settings, request: Request) -> OAuth2Session:
    secret = settings.oidc_client_secret
    return OAuth2Session(
        settings.oidc_client_id,
        secret.get_secret_value() if secret else None,
        scope="openid profile",
        redirect_uri=f"{request.base_url}sign-in/provider/done",
        code_challenge_method="S256",
        token_endpoint_auth_method="client_secret_basic" if secret else "none",
    )


@router.get("/sign-in/provider")
def begin(
    request: Request, settings: Deployment, next_: Annotated[str, Query(alias="next")] = "/"
) -> Response:
    """Redirect to the sign-in page of the provider.

    Parameters
    ----------
    request : Request
        The request.
    settings : Settings
        Settings of the deployment.
    next_ : str, default "/"
        Path to return to after signing in.

    Returns
    -------
    Response
        Redirect with the cookie of this sign-in.

    Raises
    ------
    HTTPException
        404 if the deployment has no provider.
    """
    _require_provider(settings)
    state, nonce = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    verifier = secrets.token_urlsafe(48)
    try:
        url, _ = _oauth_session(settings, request).create_authorization_url(
            app_state(request).oidc.metadata()["authorization_endpoint"],
            state=state,
            code_verifier=verifier,
            nonce=nonce,
        )
    except (requests.RequestException, ValueError, KeyError) as error:
        return _refuse(request, "", f"provider does not answer: {error}")
    with app_state(request).auth_pool.connection() as conn:
        begin_sign_in(conn, state, SignIn(nonce, verifier, safe_redirect_path(next_)))
    response = RedirectResponse(url, status_code=303)
    response.set_cookie(
        COOKIE,
        state,
        httponly=True,
        samesite="lax",
        max_age=600,
        path="/sign-in/provider",
        secure=request.url.scheme == "https",
    )
    return response


@router.get("/sign-in/provider/done")
def done(
    request: Request,
    settings: Deployment,
    state: Annotated[str, Query(max_length=200)] = "",
    code: Annotated[str, Query(max_length=4000)] = "",
    error: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Open a session for the user whom the provider names.

    Parameters
    ----------
    request : Request
        The request, with the cookie of the sign-in.
    settings : Settings
        Settings of the deployment.
    state : str, default ""
        State of the sign-in, as the provider returned it.
    code : str, default ""
        Authorisation code.
    error : str, default ""
        Error of the provider, if any.

    Returns
    -------
    Response
        Redirect to the page that was requested first, or to the sign-in page.

    Raises
    ------
    HTTPException
        404 if the deployment has no provider.
    """
    _require_provider(settings)
    # The state must be the one that this browser was given.
    if not state or not hmac.compare_digest(state, request.cookies.get(COOKIE, "")):
        return _refuse(request, "", "state of another browser")
    with app_state(request).auth_pool.connection() as conn:
        sign_in = pop_sign_in(conn, state)
    if sign_in is None:
        return _refuse(request, "", "sign-in unknown or too old")
    if error or not code:
        return _refuse(request, "", f"provider: {error or 'no code'}")
    try:
        claims = _request_claims(request, settings, sign_in, code)
    except (requests.RequestException, OAuthError, JoseError, ValueError, KeyError) as failure:
        return _refuse(request, "", f"not verified: {type(failure).__name__}: {failure}")
    return _open_session(request, settings, sign_in, claims)


def _require_provider(settings: Settings) -> None:
    if settings.oidc_issuer is None:
        raise HTTPException(404, "There is no provider to sign in at.")


def _request_claims(
    request: Request, settings: Settings, sign_in: SignIn, code: str
) -> dict[str, Any]:
    """Exchange the authorisation code for an identity token and return its claims."""
    provider = app_state(request).oidc
    token = _oauth_session(settings, request).fetch_token(
        provider.metadata()["token_endpoint"],
        code=code,
        code_verifier=sign_in.verifier,
        timeout=_TIMEOUT_S,
    )
    return provider.claims(token, sign_in.nonce)


def _open_session(
    request: Request, settings: Settings, sign_in: SignIn, claims: dict[str, Any]
) -> Response:
    subject = str(claims["sub"])
    name = str(claims.get(settings.oidc_name_claim) or subject)[:200]
    try:
        with app_state(request).auth_pool.connection() as conn:
            user = _account(conn, settings, subject, name, claims)
            if user is None:
                return _refuse(request, name, f"no account for subject {subject}")
            secret = open_session(conn, user, hours=settings.session_hours)
            append_audit_entry(
                conn,
                actor=name,
                role="",
                address=client_address(request),
                action=AuditAction.SIGN_IN,
                object_="/sign-in/provider",
                detail={"result": "signed in", "subject": subject},
            )
    except GridcoverError as error:
        return _refuse(request, name, str(error))
    response = RedirectResponse(sign_in.next, status_code=303)
    response.delete_cookie(COOKIE, path="/sign-in/provider")
    return set_session_cookie(response, secret, request, settings)


def _account(
    conn: Conn, settings: Settings, subject: str, name: str, claims: dict[str, Any]
) -> int | None:
    """Return the id of the account of a subject, made by its claims if the settings say so."""
    if settings.oidc_role_claim is None:
        return find_account_of_subject(conn, subject)
    role, areas = claims.get(settings.oidc_role_claim), claims.get(settings.oidc_areas_claim)
    if role not in ROLES or not areas:
        return None
    codes = [str(code) for code in areas] if isinstance(areas, list) else [str(areas)]
    return upsert_account(conn, subject, name, str(role), codes)


def _refuse(request: Request, name: str, reason: str) -> Response:
    with app_state(request).auth_pool.connection() as conn:
        append_audit_entry(
            conn,
            actor=name,
            role="",
            address=client_address(request),
            action=AuditAction.SIGN_IN_REFUSED,
            object_="/sign-in/provider",
            detail={"result": reason[:500]},
        )
    response = RedirectResponse("/sign-in?provider=refused", status_code=303)
    response.delete_cookie(COOKIE, path="/sign-in/provider")
    return response
