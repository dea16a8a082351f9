"""Tests of signing in with an OpenID Connect provider, run as a small real server."""

import base64
import hashlib
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse
from fastapi.testclient import TestClient
from joserfc import jwt
from joserfc.jwk import RSAKey
from pydantic import SecretStr

from geo.settings import Settings
from geo.store.connection import connect
from geo.store.queries.audit import read_audit_entries
from geo.store.queries.users import add_user, list_users
from service.app import create_app
from service.auth.passwords import hash_password
from service.auth.sessions import COOKIE
from tests.support.commands import CommandResult
from tests.support.waiting import wait_until


@dataclass
class Issuer:
    """A provider that signs every user in as `subject` with `claims`."""

    address: str = ""
    subject: str = "s-1"
    claims: dict[str, Any] = field(default_factory=dict)
    claim_overrides: dict[str, Any] = field(default_factory=dict)
    key: RSAKey = field(
        default_factory=lambda: RSAKey.generate_key(2048, {"kid": "k1", "use": "sig"})
    )
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.get("/.well-known/openid-configuration")
        def metadata() -> dict[str, Any]:
            return {
                "issuer": self.address,
                "authorization_endpoint": f"{self.address}/authorize",
                "token_endpoint": f"{self.address}/token",
                "jwks_uri": f"{self.address}/keys",
            }

        @app.get("/keys")
        def keys() -> dict[str, Any]:
            return {"keys": [self.key.as_dict(private=False)]}

        @app.get("/authorize")
        def authorize(request: Request) -> RedirectResponse:
            parameters = dict(request.query_params)
            assert parameters["response_type"] == "code"
            assert parameters["code_challenge_method"] == "S256"
            code = secrets.token_urlsafe(8)
            self.codes[code] = parameters
            return RedirectResponse(
                f"{parameters['redirect_uri']}?code={code}&state={parameters['state']}", 303
            )

        @app.post("/token")
        async def token(request: Request) -> JSONResponse:
            form = {k: v[0] for k, v in parse_qs((await request.body()).decode()).items()}
            parameters = self.codes.pop(form["code"], None)
            credentials = base64.b64decode(request.headers["authorization"].split()[1]).decode()
            challenge = (
                base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest())
                .decode()
                .rstrip("=")
            )
            valid = (
                parameters is not None
                and credentials == "gridcover:secret"
                and parameters["code_challenge"] == challenge
                and parameters["redirect_uri"] == form["redirect_uri"]
            )
            if not valid or parameters is None:
                return JSONResponse({"error": "invalid_grant"}, 400)
            claims = (
                {
                    "iss": self.address,
                    "sub": self.subject,
                    "aud": "gridcover",
                    "iat": int(time.time()),
                    "exp": int(time.time()) + 300,
                    "nonce": parameters["nonce"],
                    "preferred_username": "wang",
                }
                | self.claims
                | self.claim_overrides
            )
            key = self.claim_overrides.get("_key", self.key)
            claims.pop("_key", None)
            signed = jwt.encode({"alg": "RS256", "kid": "k1"}, claims, key)
            return JSONResponse({"access_token": "a", "token_type": "Bearer", "id_token": signed})

        return app


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    test_issuer = Issuer(f"http://127.0.0.1:{listener.getsockname()[1]}")
    server = uvicorn.Server(uvicorn.Config(test_issuer.app(), log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    wait_until(lambda: server.started)
    yield test_issuer
    server.should_exit = True
    thread.join()
    listener.close()


def settings_of(issuer: Issuer, **options: Any) -> Settings:
    return Settings(
        oidc_issuer=issuer.address,
        oidc_client_secret=SecretStr("secret"),
        oidc_title="区统一身份",
        **options,
    )


def sign_in_with_provider(client: TestClient, path: str = "/account?lang=en") -> str:
    """Sign in at the provider and return the final redirect."""
    import httpx2

    redirect = client.get("/sign-in/provider", params={"next": path}, follow_redirects=False)
    assert redirect.status_code == 303, redirect.text
    authorized = httpx2.get(redirect.headers["location"], follow_redirects=False)
    callback = urlsplit(authorized.headers["location"])
    response = client.get(f"{callback.path}?{callback.query}", follow_redirects=False)
    return str(response.headers["location"])


def last_audit_result(conninfo: str) -> str:
    with connect(conninfo) as conn:
        return str(read_audit_entries(conn, 1)[0]["detail"]["result"])


def test_provider_sign_in_creates_account_from_claims(issuer: Issuer, store: str) -> None:
    issuer.claims = {"role": "planner", "gridcover_areas": ["*"]}
    settings = settings_of(issuer, oidc_role_claim="role")
    with TestClient(create_app(store, settings)) as client:
        page = client.get("/sign-in?lang=zh").text
        assert "用统一身份登录：区统一身份" in page
        assert sign_in_with_provider(client) == "/account?lang=en"
        assert "wang" in client.get("/account?lang=en").text
        # A role changed at the provider is updated at the next sign-in.
        client.cookies.clear()
        issuer.claims["role"] = "commander"
        sign_in_with_provider(client)
    with connect(store) as conn:
        (row,) = list_users(conn)
    assert (row["name"], row["role"], row["areas"]) == ("wang", "commander", ["*"])
    with TestClient(create_app(store, settings)) as client:
        # The account has no local password.
        refused = client.post("/sign-in", data={"name": "wang", "password": "none"})
        assert refused.status_code == 401
        issuer.claims["role"] = "king"
        assert sign_in_with_provider(client) == "/sign-in?provider=refused"
        issuer.claims |= {"role": "planner", "gridcover_areas": ["nowhere"]}
        assert sign_in_with_provider(client) == "/sign-in?provider=refused"
        assert "did not succeed" in client.get("/sign-in?provider=refused&lang=en").text


def test_provider_sign_in_without_claims_needs_link(
    issuer: Issuer, store: str, run: Callable[..., CommandResult]
) -> None:
    with connect(store) as conn:
        add_user(conn, "Wang Fang", hash_password("a long password"), "planner", ["*"])
    with TestClient(create_app(store, settings_of(issuer))) as client:
        assert sign_in_with_provider(client) == "/sign-in?provider=refused"
        assert last_audit_result(store) == "no account for subject s-1"
        assert run("user", "link", "wang fang", "s-1").returncode == 0
        assert run("user", "link", "nobody", "s-1").returncode == 1
        assert sign_in_with_provider(client, "//evil.example") == "/"
        assert "Wang Fang" in client.get("/account").text
        assert client.cookies[COOKIE]


@pytest.mark.parametrize(
    "claim_overrides",
    [
        {"iss": "http://evil.example"},
        {"aud": "another"},
        {"exp": 1},
        {"nonce": "x"},
        {"nonce": None},
        {"_key": RSAKey.generate_key(2048, {"kid": "k1"})},
        {"aud": ["gridcover", "other"], "azp": "other"},
    ],
)
def test_provider_sign_in_refuses_invalid_token(
    issuer: Issuer, store: str, claim_overrides: dict[str, Any]
) -> None:
    issuer.claims = {"role": "planner", "gridcover_areas": ["*"]}
    issuer.claim_overrides = claim_overrides
    with TestClient(create_app(store, settings_of(issuer, oidc_role_claim="role"))) as client:
        assert sign_in_with_provider(client) == "/sign-in?provider=refused"
        assert COOKIE not in client.cookies
        assert last_audit_result(store).startswith("not verified")


def test_provider_sign_in_refuses_foreign_or_used_state(issuer: Issuer, store: str) -> None:
    import httpx2

    issuer.claims = {"role": "planner", "gridcover_areas": ["*"]}
    app = create_app(store, settings_of(issuer, oidc_role_claim="role"))
    with TestClient(app, follow_redirects=False) as client:
        redirect = client.get("/sign-in/provider")
        authorized = httpx2.get(redirect.headers["location"], follow_redirects=False)
        callback = urlsplit(authorized.headers["location"])
        state = parse_qs(callback.query)["state"][0]
        cookies = dict(client.cookies)
        client.cookies.clear()
        # A callback address in another browser signs nobody in.
        assert (
            client.get(f"{callback.path}?{callback.query}").headers["location"].endswith("refused")
        )
        assert last_audit_result(store) == "state of another browser"
        client.cookies.update(cookies)
        assert (
            client.get(f"{callback.path}?state={state}&error=access_denied")
            .headers["location"]
            .endswith("refused")
        )
        client.cookies.update(cookies)
        assert (
            client.get(f"{callback.path}?{callback.query}").headers["location"].endswith("refused")
        )
        assert last_audit_result(store) == "sign-in unknown or too old"


def test_provider_sign_in_handles_missing_provider(store: str) -> None:
    settings = Settings(oidc_issuer="http://127.0.0.1:9")
    with TestClient(create_app(store, settings), follow_redirects=False) as client:
        assert client.get("/sign-in/provider").headers["location"] == "/sign-in?provider=refused"
        assert last_audit_result(store).startswith("provider does not answer")
    with TestClient(create_app(store, Settings()), follow_redirects=False) as client:
        assert client.get("/sign-in/provider").status_code == 404
        assert 'class="provider"' not in client.get("/sign-in").text
    with pytest.raises(ValueError, match="over TLS"):
        Settings(oidc_issuer="http://login.example")
