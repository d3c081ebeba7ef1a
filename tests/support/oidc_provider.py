"""A small real OpenID Connect provider on loopback, with faults: for tests of the board's sign-in.

Authorization code with PKCE (S256 only), discovery, keys, userinfo; a code is good once. It signs everybody in at
once as `person`. `fault` names what is wrong with the next answers.
"""

import base64
import contextlib
import hashlib
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT_ID, CLIENT_SECRET = "board", "a-secret-of-the-test"
STARTS_WITHIN_S = 60.0


@dataclass
class Provider:
    """State and faults of the provider; `issuer` once it runs."""

    issuer: str = ""
    person: dict[str, Any] = field(default_factory=lambda: {"sub": "u-1", "name": "Ada Lovelace", "groups": ["art"]})
    fault: str = ""
    groups_in_userinfo: bool = False
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}))
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._discovery),
                Route("/authorize", self._authorize),
                Route("/token", self._token, methods=["POST"]),
                Route("/keys", self._keys),
                Route("/userinfo", self._userinfo),
            ]
        )

    def rotate(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": secrets.token_hex(4), "use": "sig"})

    async def _discovery(self, _request: Request) -> Response:
        self.asked.append("discovery")
        names = {name: f"{self.issuer}/{path}" for name, path in _ENDPOINTS.items()}
        issuer = "https://other.example" if self.fault == "discovery of another issuer" else self.issuer
        if self.fault == "plain http elsewhere":
            names["token_endpoint"] = "http://example.com/token"
        return JSONResponse({"issuer": issuer, **names})

    async def _authorize(self, request: Request) -> Response:
        query = request.query_params
        assert query["response_type"] == "code"
        assert query["client_id"] == CLIENT_ID
        assert query["code_challenge_method"] == "S256"
        assert "openid" in query["scope"].split()
        if self.fault == "refused":
            return _back(query["redirect_uri"], error="access_denied", state=query["state"])
        code = secrets.token_urlsafe(16)
        self.codes[code] = dict(query)
        more = {"iss": "https://other.example"} if self.fault == "answer of another issuer" else {}
        return _back(query["redirect_uri"], code=code, state=query["state"], **more)

    async def _token(self, request: Request) -> Response:
        form = await request.form()
        begun = self.codes.pop(str(form["code"]), None)
        known = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {known}":
            return JSONResponse({"error": "invalid_client"}, 401)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(str(form["code_verifier"]).encode()).digest())
        if begun is None or begun["code_challenge"] != challenge.decode().rstrip("="):
            return JSONResponse({"error": "invalid_grant"}, 400)
        if begun["redirect_uri"] != form["redirect_uri"]:
            return JSONResponse({"error": "invalid_grant"}, 400)
        return JSONResponse({"access_token": "the-token", "token_type": "Bearer", "id_token": self._id_token(begun)})

    def _id_token(self, begun: dict[str, str]) -> str:
        now = int(time.time())
        claims = {**self.person, "iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300}
        claims["nonce"] = begun["nonce"]
        if self.groups_in_userinfo:
            del claims["groups"]
        claims |= _WRONG_CLAIMS.get(self.fault, {})
        if self.fault in ("expired", "from tomorrow"):
            shift = -3600 if self.fault == "expired" else 86_400
            claims |= {"iat": now + shift, "exp": now + shift + 300}
        for name in ("nonce", "exp", "sub"):
            if self.fault == f"no {name}":
                del claims[name]
        return self._signed(claims)

    def _signed(self, claims: dict[str, Any]) -> str:
        if self.fault == "wrong signature":
            stranger = RSAKey.generate_key(2048, {"kid": "one"})
            return jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, stranger)
        if self.fault == "shared secret as key":  # the public key used as an HMAC secret
            forged = OctKey.import_key(self.key.as_pem(private=False), {"kid": str(self.key.kid)})
            return jwt.encode({"alg": "HS256", "kid": self.key.kid}, claims, forged, algorithms=["HS256"])
        token = jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, self.key)
        if self.fault == "no signature":
            head = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
            return f"{head}.{token.split('.')[1]}."
        return token

    async def _keys(self, _request: Request) -> Response:
        self.asked.append("keys")
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    async def _userinfo(self, request: Request) -> Response:
        if request.headers.get("authorization") != "Bearer the-token":
            return JSONResponse({"error": "invalid_token"}, 401)
        sub = "somebody-else" if self.fault == "userinfo of another" else self.person["sub"]
        return JSONResponse({**self.person, "sub": sub})


_ENDPOINTS = {
    "authorization_endpoint": "authorize",
    "token_endpoint": "token",
    "jwks_uri": "keys",
    "userinfo_endpoint": "userinfo",
}
_WRONG_CLAIMS: dict[str, dict[str, Any]] = {
    "wrong nonce": {"nonce": "another"},
    "wrong audience": {"aud": "another-client"},
    "wrong issuer": {"iss": "https://other.example"},
    "for another client": {"aud": [CLIENT_ID, "another"], "azp": "another"},
}


def _back(redirect_uri: str, **query: str) -> Response:
    return RedirectResponse(f"{redirect_uri}?{urlencode(query)}", 302)


@contextlib.contextmanager
def running_provider() -> Iterator[Provider]:
    """A provider on a port of the system's choice, for the length of the block."""
    provider = Provider()
    server = uvicorn.Server(uvicorn.Config(provider.app(), host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + STARTS_WITHIN_S
    while not server.started:
        assert time.monotonic() < deadline, "the provider did not start"
        time.sleep(0.01)
    provider.issuer = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield provider
    finally:
        server.should_exit = True
        thread.join(STARTS_WITHIN_S)
