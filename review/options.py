"""How a board is set up, from Settings: its address, how people sign in, who stands in front. Reads no environment."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Literal
from urllib.parse import urlsplit

from domain.errors import InputError, SettingError
from review.access.roles import NO_ROLES, Roles, parse_roles
from wiring import Settings

SignIn = Literal["local", "oidc", "proxy"]
Network = IPv4Network | IPv6Network
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True)
class OidcOptions:
    """A client of one OpenID Connect provider."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    scopes: str = "openid profile email"
    groups_claim: str = "groups"


@dataclass(frozen=True)
class ProxyOptions:
    """The headers by which a trusted proxy says who asks."""

    user_header: str = "X-Forwarded-User"
    name_header: str = "X-Forwarded-Preferred-Username"
    groups_header: str = "X-Forwarded-Groups"


@dataclass(frozen=True)
class BoardOptions:
    """`base_url` is the address that browsers see, without a final slash; "" is loopback on whatever port."""

    base_url: str = ""
    sign_in: SignIn = "local"
    oidc: OidcOptions | None = None
    proxy: ProxyOptions = ProxyOptions()
    trusted_proxies: tuple[Network, ...] = ()
    group_roles: Mapping[str, Roles] = field(default_factory=dict)
    newcomer_roles: Roles = NO_ROLES
    image_origins: tuple[str, ...] = ()
    prefect_ui_url: str = ""

    @property
    def is_https(self) -> bool:
        return self.base_url.startswith("https://")

    @property
    def host(self) -> str:
        """Host and port of the base address, as a browser sends them."""
        return urlsplit(self.base_url).netloc.lower()

    def trusts(self, address: str) -> bool:
        """Whether a peer's address is one of the configured proxies'."""
        try:
            peer = ip_address(address)
        except ValueError:
            return False
        return any(peer in network for network in self.trusted_proxies)


def from_settings(s: Settings, *, base_url: str = "") -> BoardOptions:
    """Raises SettingError naming the setting that does not fit."""
    base = (base_url or s.board_base_url).rstrip("/")
    _check_base_url(base)
    return BoardOptions(
        base_url=base,
        sign_in=s.board_sign_in,
        oidc=_oidc(s) if s.board_sign_in == "oidc" else None,
        proxy=ProxyOptions(s.board_proxy_user_header, s.board_proxy_name_header, s.board_proxy_groups_header),
        trusted_proxies=_networks(s),
        group_roles=group_roles(s.board_group_roles),
        newcomer_roles=_roles("DRAFTLINE_BOARD_NEWCOMER_ROLES", s.board_newcomer_roles.split(",")),
        image_origins=tuple(dict.fromkeys(filter(None, map(_origin, (s.s3_endpoint_url, s.public_url))))),
        prefect_ui_url=(s.prefect_ui_url or s.prefect_api_url.removesuffix("/").removesuffix("/api")).rstrip("/"),
    )


def group_roles(text: str) -> dict[str, Roles]:
    """`art=reviewer+creator, money=finance`: the roles that each group of the directory gives."""
    found: dict[str, Roles] = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        group, _, names = pair.rpartition("=")
        if not group:
            raise SettingError(f"{pair!r} is not group=role", where="DRAFTLINE_BOARD_GROUP_ROLES")
        found[group.strip()] = _roles("DRAFTLINE_BOARD_GROUP_ROLES", names.split("+"))
    return found


def _roles(setting: str, names: Iterable[str]) -> Roles:
    try:
        return parse_roles(name for name in names if name.strip())
    except InputError as error:
        raise SettingError(str(error), where=setting) from error


def _check_base_url(base: str) -> None:
    parts = urlsplit(base)
    if base and (parts.scheme not in ("http", "https") or not parts.hostname or parts.path or parts.query):
        hint = "It is the address that browsers see, such as https://board.example.com"
        raise SettingError(f"{base!r} is not an address without a path", where="DRAFTLINE_BOARD_BASE_URL", hint=hint)


def _oidc(s: Settings) -> OidcOptions:
    for name in ("board_oidc_issuer", "board_oidc_client_id"):
        if not getattr(s, name):
            raise SettingError("sign-in with OpenID Connect needs it", where=f"DRAFTLINE_{name.upper()}")
    secret = s.board_oidc_client_secret.get_secret_value()
    return OidcOptions(
        s.board_oidc_issuer, s.board_oidc_client_id, secret, s.board_oidc_scopes, s.board_oidc_groups_claim
    )


def _networks(s: Settings) -> tuple[Network, ...]:
    setting = "DRAFTLINE_BOARD_PROXY_ADDRESSES"
    try:
        found = tuple(ip_network(part, strict=False) for part in sorted(s.board_proxy_addresses))
    except ValueError as error:
        raise SettingError(str(error), where=setting) from error
    if s.board_sign_in == "proxy" and not found:
        raise SettingError("sign-in by a proxy's header needs the proxy's addresses", where=setting)
    return found


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
