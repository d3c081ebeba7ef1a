"""Tokens and passwords. What may not live here: the database, HTTP."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

TOKEN_BYTES = 32  # 256 bits
MIN_PASSWORD_CHARS = 12
MAX_PASSWORD_CHARS = 200


def new_token() -> str:
    return secrets.token_urlsafe(TOKEN_BYTES)


def token_sha256(token: str) -> str:
    """What the database keeps of a token: enough to know it again, not enough to use it."""
    return hashlib.sha256(token.encode()).hexdigest()


def same(one: str, other: str) -> bool:
    """Equal, in a time that does not tell where they differ; never for two empty ones."""
    return bool(one) and hmac.compare_digest(one.encode(), other.encode())


@dataclass
class Passwords:
    """argon2id; the default parameters are argon2-cffi's, which follow RFC 9106's second choice."""

    hasher: PasswordHasher = field(default_factory=PasswordHasher)

    def hashed(self, password: str) -> str:
        return self.hasher.hash(password)

    def fits(self, password_hash: str, password: str) -> bool:
        """Without a hash as much work is done as with one, so that the time does not tell who exists."""
        try:
            return self.hasher.verify(password_hash or self._nobody, password) and bool(password_hash)
        except (VerificationError, InvalidHashError):
            return False

    def is_outdated(self, password_hash: str) -> bool:
        """Made with other parameters than today's: hash again at the next sign-in."""
        return self.hasher.check_needs_rehash(password_hash)

    @cached_property
    def _nobody(self) -> str:
        return self.hasher.hash(new_token())
