"""Signed-in browsers: how long a session lasts, and who asks. What may not live here: proofs of who somebody is."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from review.access.roles import NO_ROLES, Role, Roles, expand, known_roles
from review.access.secrets import new_token, token_sha256
from storage.records.accounts import Accounts, Session, User

SLIDES = timedelta(hours=12)
LASTS_AT_MOST = timedelta(days=7)
TOUCHED_EVERY = timedelta(minutes=1)  # a page with thirty pictures is not thirty writes


@dataclass(frozen=True)
class Visitor:
    """Who asks. `roles` hold all that they include; `name` is for people, `user_id` for records."""

    user_id: str
    name: str
    roles: Roles = NO_ROLES
    csrf_token: str = field(default="", repr=False)

    def can(self, role: Role | str) -> bool:
        return role in self.roles


class Sessions:
    """Opens, finds and closes sessions. A token is only ever in its cookie; the database keeps its sha256."""

    def __init__(self, accounts: Accounts, clock: Callable[[], datetime]) -> None:
        self._accounts, self._clock = accounts, clock

    def open(self, user_id: str, *, instead_of: str = "") -> str:
        """A new session's token. The one that the browser had before is closed: no session outlives a sign-in."""
        if instead_of:
            self.close(instead_of)
        token = new_token()
        self._accounts.open_session(token_sha256(token), user_id, new_token(), lasts=SLIDES)
        return token

    def find(self, token: str) -> Session | None:
        """The session of a token, made to last from now on; None when there is none or its time is over."""
        session = self._accounts.session(token_sha256(token)) if token else None
        if session is None:
            return None
        now = self._clock()
        if now - session.seen_at >= TOUCHED_EVERY:
            self._accounts.touch_session(session, expires_at=min(now + SLIDES, session.created_at + LASTS_AT_MOST))
        return session

    def close(self, token: str) -> None:
        self._accounts.close_session(token_sha256(token))


def visitor_of(session: Session) -> Visitor:
    user = session.user
    return Visitor(user.user_id, shown_name(user), expand(known_roles(user.roles)), session.csrf_token)


def shown_name(user: User) -> str:
    return user.display_name or user.email or user.user_id
