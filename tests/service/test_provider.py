"""Signing in at an OpenID Connect provider: a small real one, and all that may be wrong with its answers."""

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
    """A provider that signs everybody in as `subject`, with `claims`."""

    address: str = ""
    subject: str = "s-1"
    claims: dict[str, Any] = field(default_factory=dict)
    spoil: dict[str, Any] = field(default_factory=dict)
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
            asked = dict(request.query_params)
            assert asked["response_type"] == "code"
            assert asked["code_challenge_method"] == "S256"
            code = secrets.token_urlsafe(8)
            self.codes[code] = asked
            return RedirectResponse(
                f"{asked['redirect_uri']}?code={code}&state={asked['state']}", 303
            )

        @app.post("/token")
        async def token(request: Request) -> JSONResponse:
            form = {k: v[0] for k, v in parse_qs((await request.body()).decode()).items()}
            asked = self.codes.pop(form["code"], None)
            told = base64.b64decode(request.headers["authorization"].split()[1]).decode()
            challenge = (
                base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest())
                .decode()
                .rstrip("=")
            )
            good = (
                asked is not None
                and told == "gridcover:secret"
                and asked["code_challenge"] == challenge
                and asked["redirect_uri"] == form["redirect_uri"]
            )
            if not good or asked is None:
                return JSONResponse({"error": "invalid_grant"}, 400)
            claims = (
                {
                    "iss": self.address,
                    "sub": self.subject,
                    "aud": "gridcover",
                    "iat": int(time.time()),
                    "exp": int(time.time()) + 300,
                    "nonce": asked["nonce"],
                    "preferred_username": "wang",
                }
                | self.claims
                | self.spoil
            )
            key = self.spoil.get("_key", self.key)
            claims.pop("_key", None)
            signed = jwt.encode({"alg": "RS256", "kid": "k1"}, claims, key)
            return JSONResponse({"access_token": "a", "token_type": "Bearer", "id_token": signed})

        return app


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    found = Issuer(f"http://127.0.0.1:{listener.getsockname()[1]}")
    server = uvicorn.Server(uvicorn.Config(found.app(), log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    wait_until(lambda: server.started)
    yield found
    server.should_exit = True
    thread.join()
    listener.close()


def settings_of(issuer: Issuer, **more: Any) -> Settings:
    return Settings(
        oidc_issuer=issuer.address,
        oidc_client_secret=SecretStr("secret"),
        oidc_title="区统一身份",
        **more,
    )


def enter(client: TestClient, path: str = "/account?lang=en") -> str:
    """Go through the provider and back; where that leads."""
    import httpx2

    begun = client.get("/sign-in/provider", params={"next": path}, follow_redirects=False)
    assert begun.status_code == 303, begun.text
    back = httpx2.get(begun.headers["location"], follow_redirects=False)
    there = urlsplit(back.headers["location"])
    done = client.get(f"{there.path}?{there.query}", follow_redirects=False)
    return str(done.headers["location"])


def told(conninfo: str) -> str:
    with connect(conninfo) as conn:
        return str(read_audit_entries(conn, 1)[0]["detail"]["result"])


def test_accounts_made_by_what_the_provider_says(issuer: Issuer, store: str) -> None:
    issuer.claims = {"role": "planner", "gridcover_areas": ["*"]}
    settings = settings_of(issuer, oidc_role_claim="role")
    with TestClient(create_app(store, settings)) as client:
        page = client.get("/sign-in?lang=zh").text
        assert "用统一身份登录：区统一身份" in page
        assert enter(client) == "/account?lang=en"
        assert "wang" in client.get("/account?lang=en").text
        # The next time their role has changed there, and so it does here.
        client.cookies.clear()
        issuer.claims["role"] = "commander"
        enter(client)
    with connect(store) as conn:
        (row,) = list_users(conn)
    assert (row["name"], row["role"], row["areas"]) == ("wang", "commander", ["*"])
    with TestClient(create_app(store, settings)) as client:
        # It has no password of ours.
        refused = client.post("/sign-in", data={"name": "wang", "password": "none"})
        assert refused.status_code == 401
        issuer.claims["role"] = "king"
        assert enter(client) == "/sign-in?provider=refused"
        issuer.claims |= {"role": "planner", "gridcover_areas": ["nowhere"]}
        assert enter(client) == "/sign-in?provider=refused"
        assert "did not succeed" in client.get("/sign-in?provider=refused&lang=en").text


def test_linked_accounts_alone(
    issuer: Issuer, store: str, run: Callable[..., CommandResult]
) -> None:
    with connect(store) as conn:
        add_user(conn, "Wang Fang", hash_password("a long password"), "planner", ["*"])
    with TestClient(create_app(store, settings_of(issuer))) as client:
        assert enter(client) == "/sign-in?provider=refused"
        assert told(store) == "no account for subject s-1"
        assert run("user", "link", "wang fang", "s-1").returncode == 0
        assert run("user", "link", "nobody", "s-1").returncode == 1
        assert enter(client, "//evil.example") == "/"
        assert "Wang Fang" in client.get("/account").text
        assert client.cookies[COOKIE]


@pytest.mark.parametrize(
    "spoil",
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
def test_a_bad_token_opens_nothing(issuer: Issuer, store: str, spoil: dict[str, Any]) -> None:
    issuer.claims = {"role": "planner", "gridcover_areas": ["*"]}
    issuer.spoil = spoil
    with TestClient(create_app(store, settings_of(issuer, oidc_role_claim="role"))) as client:
        assert enter(client) == "/sign-in?provider=refused"
        assert COOKIE not in client.cookies
        assert told(store).startswith("not verified")


def test_a_sign_in_of_another_browser_or_twice(issuer: Issuer, store: str) -> None:
    import httpx2

    issuer.claims = {"role": "planner", "gridcover_areas": ["*"]}
    app = create_app(store, settings_of(issuer, oidc_role_claim="role"))
    with TestClient(app, follow_redirects=False) as client:
        begun = client.get("/sign-in/provider")
        back = httpx2.get(begun.headers["location"], follow_redirects=False).headers["location"]
        there = urlsplit(back)
        state = parse_qs(there.query)["state"][0]
        kept = dict(client.cookies)
        client.cookies.clear()
        # A link that someone else sends leads into nobody's account.
        assert client.get(f"{there.path}?{there.query}").headers["location"].endswith("refused")
        assert told(store) == "state of another browser"
        client.cookies.update(kept)
        assert (
            client.get(f"{there.path}?state={state}&error=access_denied")
            .headers["location"]
            .endswith("refused")
        )
        client.cookies.update(kept)
        assert client.get(f"{there.path}?{there.query}").headers["location"].endswith("refused")
        assert told(store) == "sign-in unknown or too old"


def test_a_provider_that_is_away_or_absent(store: str) -> None:
    away = Settings(oidc_issuer="http://127.0.0.1:9")
    with TestClient(create_app(store, away), follow_redirects=False) as client:
        assert client.get("/sign-in/provider").headers["location"] == "/sign-in?provider=refused"
        assert told(store).startswith("provider does not answer")
    with TestClient(create_app(store, Settings()), follow_redirects=False) as client:
        assert client.get("/sign-in/provider").status_code == 404
        assert 'class="provider"' not in client.get("/sign-in").text
    with pytest.raises(ValueError, match="over TLS"):
        Settings(oidc_issuer="http://login.example")
