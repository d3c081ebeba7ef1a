"""Sign-in with OpenID Connect: authorization code with PKCE, state and nonce, one provider found by discovery.

What may not live here: cookies, sessions, tables. Sources: OpenID Connect Core 1.0 section 3.1, RFC 7636, RFC 9207.
"""

import base64
import json
import ssl
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import cached_property
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode, urlsplit

import certifi
import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from domain.errors import DraftlineError
from review.access.directory import MAX_ID_CHARS, MAX_NAME_CHARS, Vouched
from review.access.secrets import new_token, same
from review.options import OidcOptions

TIMEOUT = httpx.Timeout(10.0, connect=5.0)
MAX_ANSWER_BYTES = 1_000_000
LEEWAY_S = 60
KEPT_FOR = timedelta(hours=1)
ASKED_AGAIN_AFTER = timedelta(minutes=1)
# Never "none", and no shared secret: a provider's signature must not be one that a client could make.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class SignInFailed(DraftlineError):
    """The provider's answer is not a sign-in. `why` is for the log; the sentence is for the person."""

    def __init__(self, why: str, sentence: str = "The sign-in could not be finished. Start it again.") -> None:
        super().__init__(sentence)
        self.why = why


@dataclass(frozen=True)
class Started:
    """What the browser keeps while the person is at the provider, in a cookie of its own."""

    state: str
    nonce: str
    verifier: str
    next_path: str

    def packed(self) -> str:
        return urlencode(asdict(self))

    @classmethod
    def unpacked(cls, values: Mapping[str, str]) -> "Started | None":
        found = {name: values.get(name, "") for name in ("state", "nonce", "verifier", "next_path")}
        return cls(**found) if all(found.values()) else None


class Oidc:
    """One provider. Its discovery document and keys are kept for an hour."""

    def __init__(
        self,
        options: OidcOptions,
        clock: Callable[[], datetime],
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._options, self._clock, self._transport = options, clock, transport
        self._provider: tuple[datetime, dict[str, Any]] | None = None
        self._keys: tuple[datetime, KeySet] | None = None

    @property
    def host(self) -> str:
        """Where the person goes, for the button."""
        return urlsplit(self._options.issuer).hostname or self._options.issuer

    async def begin(self, redirect_uri: str, next_path: str) -> tuple[str, Started]:
        """(the provider's address to send the browser to, what the browser must bring back)."""
        started = Started(new_token(), new_token(), new_token(), next_path)
        query = {
            "response_type": "code",
            "client_id": self._options.client_id,
            "redirect_uri": redirect_uri,
            "scope": self._options.scopes,
            "state": started.state,
            "nonce": started.nonce,
            "code_challenge": code_challenge(started.verifier),
            "code_challenge_method": "S256",
        }
        base = _endpoint(await self._discovered(), "authorization_endpoint")
        return f"{base}{'&' if '?' in base else '?'}{urlencode(query)}", started

    async def finish(self, started: Started | None, query: Mapping[str, str], redirect_uri: str) -> Vouched:
        """Who signed in. Raises SignInFailed unless every proof holds."""
        if started is None or not same(started.state, query.get("state", "")):
            raise SignInFailed(
                "state", "This sign-in was not started in this browser, or too long ago. Start it again."
            )
        provider = await self._discovered()
        if query.get("iss", self._options.issuer) != self._options.issuer:
            raise SignInFailed("the answer is from another issuer")
        if query.get("error") or not query.get("code"):
            raise SignInFailed(
                f"provider: {query.get('error', 'no code')[:80]}", "The sign-in was cancelled or refused."
            )
        tokens = await self._exchange(provider, query["code"], started.verifier, redirect_uri)
        claims = await self._claims(str(tokens.get("id_token", "")), started.nonce)
        return await self._person(provider, claims, str(tokens.get("access_token", "")))

    async def _exchange(self, provider: dict[str, Any], code: str, verifier: str, redirect_uri: str) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        auth, secret = None, self._options.client_secret
        if secret and "client_secret_post" not in provider.get("token_endpoint_auth_methods_supported", ()):
            auth = httpx.BasicAuth(self._options.client_id, secret)
        else:
            form |= {"client_id": self._options.client_id} | ({"client_secret": secret} if secret else {})
        return await self._asked("POST", _endpoint(provider, "token_endpoint"), data=form, auth=auth)

    async def _claims(self, id_token: str, nonce: str) -> dict[str, Any]:
        """The id token's claims, its signature and every claim that binds it to us checked."""
        try:
            claims = await self._signed(id_token)
            jwt.JWTClaimsRegistry(
                now=int(self._clock().timestamp()),
                leeway=LEEWAY_S,
                iss={"essential": True, "value": self._options.issuer},
                aud={"essential": True, "value": self._options.client_id},
                sub={"essential": True},
                exp={"essential": True},
                iat={"essential": True},
                nonce={"essential": True, "value": nonce},
            ).validate(claims)
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise SignInFailed(f"id token: {type(error).__name__} {error}"[:200]) from error
        if claims.get("azp", self._options.client_id) != self._options.client_id:
            raise SignInFailed("id token: issued for another client")
        return claims

    async def _signed(self, id_token: str) -> dict[str, Any]:
        """The claims under a good signature; the keys are asked for again once when they do not fit (rotation)."""
        try:
            return dict(jwt.decode(id_token, await self._keyset(), algorithms=ALGORITHMS).claims)
        except (JoseError, ValueError):
            if self._keys is None or self._clock() - self._keys[0] < ASKED_AGAIN_AFTER:
                raise
            self._keys = None
            return dict(jwt.decode(id_token, await self._keyset(), algorithms=ALGORITHMS).claims)

    async def _person(self, provider: dict[str, Any], claims: dict[str, Any], access_token: str) -> Vouched:
        if _at(claims, self._options.groups_claim) is None and provider.get("userinfo_endpoint") and access_token:
            headers = {"Authorization": f"Bearer {access_token}"}
            told = await self._asked("GET", _endpoint(provider, "userinfo_endpoint"), headers=headers)
            if told.get("sub") != claims["sub"]:
                raise SignInFailed("userinfo is about another person")
            claims = {**told, **claims}
        email = str(claims.get("email") or "")[:MAX_NAME_CHARS]
        name = str(claims.get("name") or claims.get("preferred_username") or email)[:MAX_NAME_CHARS]
        return Vouched(self._user_id(str(claims["sub"])), name, email, _groups(_at(claims, self._options.groups_claim)))

    def _user_id(self, subject: str) -> str:
        """A subject is unique at its issuer only."""
        user_id = f"oidc:{sha256(self._options.issuer.encode()).hexdigest()[:8]}:{subject}"
        if len(user_id) > MAX_ID_CHARS or not user_id.isprintable():
            raise SignInFailed("id token: the subject is too long or not text")
        return user_id

    async def _discovered(self) -> dict[str, Any]:
        now = self._clock()
        if self._provider is None or now - self._provider[0] >= KEPT_FOR:
            found = await self._asked("GET", f"{self._options.issuer.rstrip('/')}/.well-known/openid-configuration")
            if found.get("issuer") != self._options.issuer:
                raise SignInFailed(f"discovery: the issuer calls itself {str(found.get('issuer'))[:200]!r}")
            self._provider = now, found
        return self._provider[1]

    async def _keyset(self) -> KeySet:
        now = self._clock()
        if self._keys is None or now - self._keys[0] >= KEPT_FOR:
            found = await self._asked("GET", _endpoint(await self._discovered(), "jwks_uri"))
            self._keys = (
                now,
                KeySet.import_key_set({"keys": [k for k in found.get("keys", []) if k.get("use", "sig") == "sig"]}),
            )
        return self._keys[1]

    async def _asked(self, method: str, url: str, **request: Any) -> dict[str, Any]:
        """A JSON object from the provider; no redirect is followed and no answer is longer than a megabyte."""
        try:
            async with (
                httpx.AsyncClient(timeout=TIMEOUT, transport=self._transport, verify=self._tls) as client,
                client.stream(method, url, **request) as answer,
            ):
                content = bytearray()
                async for chunk in answer.aiter_bytes():
                    content += chunk
                    if len(content) > MAX_ANSWER_BYTES:
                        raise SignInFailed(f"{url}: too long an answer")
        except httpx.HTTPError as error:
            raise SignInFailed(
                f"{url}: {type(error).__name__}", f"{self.host} does not answer. Try again in a moment."
            ) from error
        return _json(url, answer.status_code, bytes(content))

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=certifi.where())


def _json(url: str, status: int, content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError:
        found = None
    if status != 200 or not isinstance(found, dict):
        code = str(found.get("error", ""))[:80] if isinstance(found, dict) else ""
        raise SignInFailed(f"{url}: answered {status} {code}".strip())
    return found


def code_challenge(verifier: str) -> str:
    """RFC 7636's S256."""
    return base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=")


def _endpoint(provider: Mapping[str, Any], name: str) -> str:
    """An address of the discovery document; https, or this machine."""
    url = str(provider.get(name, ""))
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise SignInFailed(f"discovery: {name} is not https")
    return url


def _at(claims: Mapping[str, Any], path: str) -> Any:
    """A claim by its name, or inside others by a dotted path such as Keycloak's realm_access.roles."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _groups(value: Any) -> frozenset[str]:
    if isinstance(value, str):
        value = value.replace(",", " ").split()
    return frozenset(item for item in value if isinstance(item, str)) if isinstance(value, list) else frozenset()
