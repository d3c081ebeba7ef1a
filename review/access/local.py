"""Local users: sign-in by password, by a one-time link, and how both are limited. What may not live here: HTTP."""

import re
from dataclasses import dataclass
from datetime import timedelta

from domain.errors import InputError
from review.access.roles import Role, Roles, known_roles
from review.access.secrets import MAX_PASSWORD_CHARS, MIN_PASSWORD_CHARS, Passwords, new_token, token_sha256
from storage.records.accounts import Accounts, User

LINK_LASTS = timedelta(minutes=15)
WINDOW = timedelta(minutes=15)
TRIES_A_USER = 8
TRIES_AN_ADDRESS = 30
FIRST_ADMIN = "admin"
USER_ID = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,99}")
MAX_NAME_CHARS = 100


class TooManyTries(InputError):
    """Sign-in is closed for a while, for this name or this address. It says the same whether the name exists or not."""

    def __init__(self) -> None:
        super().__init__(
            "Too many sign-ins have failed. Wait a quarter of an hour, or ask an administrator for a link."
        )


@dataclass(frozen=True)
class LocalSignIn:
    """Proves who somebody is, without saying who exists."""

    accounts: Accounts
    passwords: Passwords

    def by_password(self, user_id: str, password: str, address: str) -> User | None:
        """The person, or None. Raises TooManyTries before any password is looked at."""
        name = user_id.strip().lower()
        keys = self._keys(name, address)
        if not self.accounts.try_sign_in(keys, window=WINDOW):
            raise TooManyTries
        found = self.accounts.user(name) if USER_ID.fullmatch(name) else None
        known = found.password_hash if found and found.source == "local" and not found.disabled else ""
        if not self.passwords.fits(known, password[: MAX_PASSWORD_CHARS + 1]) or found is None:
            return None
        if self.passwords.is_outdated(known):
            self.accounts.set_password_hash(name, self.passwords.hashed(password))
        by_user, by_address = keys
        self.accounts.forgive(by_user)
        self.accounts.forgive(by_address, newest_only=True)
        return found

    def by_link(self, token: str, address: str) -> User | None:
        """The link's person, once. Raises TooManyTries."""
        _, by_address = self._keys("", address)
        if not self.accounts.try_sign_in({by_address: TRIES_AN_ADDRESS}, window=WINDOW):
            raise TooManyTries
        user_id = self.accounts.use_link(token_sha256(token))
        found = self.accounts.user(user_id) if user_id else None
        if found is None or found.disabled:
            return None
        self.accounts.forgive(by_address, newest_only=True)
        return found

    def _keys(self, name: str, address: str) -> dict[str, int]:
        """By name and by address; a name is kept as its hash, since people type passwords into that field."""
        return {f"user:{token_sha256(name)}": TRIES_A_USER, f"address:{address}"[:200]: TRIES_AN_ADDRESS}


def new_link(accounts: Accounts, user_id: str) -> str:
    """The token of a new one-time link. Raises InputError for a person who is not there or shut out."""
    found = accounts.user(user_id)
    if found is None or found.disabled:
        raise InputError(f"there is nobody {user_id!r} who may come in")
    token = new_token()
    accounts.add_link(token_sha256(token), user_id, lasts=LINK_LASTS)
    return token


def link_path(token: str) -> str:
    return f"/sign-in/link?token={token}"


def add_person(accounts: Accounts, user_id: str, name: str, roles: Roles, email: str = "") -> str:
    """A new local user; the id as it was kept. Raises InputError for an id that does not fit or is taken."""
    kept = user_id.strip().lower()
    if not USER_ID.fullmatch(kept):
        raise InputError(f"{user_id!r} is no sign-in name: letters, digits and . _ @ + - only, at most 100")
    shown = name.strip()[:MAX_NAME_CHARS] or kept
    if not accounts.add_user(kept, name=shown, email=email.strip()[:MAX_NAME_CHARS], source="local", roles=roles):
        raise InputError(f"there is somebody {kept!r} already")
    return kept


def check_password(password: str) -> None:
    """Raises InputError for one that is too short or too long. Length is what counts."""
    if not MIN_PASSWORD_CHARS <= len(password) <= MAX_PASSWORD_CHARS:
        raise InputError(
            f"A password has {MIN_PASSWORD_CHARS} to {MAX_PASSWORD_CHARS} characters; a few words make a good one"
        )


def check_one_admin_is_left(accounts: Accounts, user_id: str, roles: Roles) -> None:
    """Raises InputError when nobody could let anybody in any more."""
    if Role.ADMIN in roles:
        return
    admins = {user.user_id for user in accounts.people() if Role.ADMIN in known_roles(user.roles) and not user.disabled}
    if admins == {user_id}:
        raise InputError("This is the only administrator; make somebody else one first")


def first_admin(accounts: Accounts) -> str:
    """An administrator's id; makes one when there is none."""
    for user in accounts.people():
        if Role.ADMIN in known_roles(user.roles) and not user.disabled:
            return user.user_id
    taken = accounts.user(FIRST_ADMIN)
    if taken is None:
        return add_person(accounts, FIRST_ADMIN, "Administrator", frozenset({Role.ADMIN}))
    accounts.set_roles(FIRST_ADMIN, {Role.ADMIN})
    accounts.set_disabled(FIRST_ADMIN, False)
    return FIRST_ADMIN
