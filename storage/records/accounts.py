"""People, their sessions, one-time links and failed sign-ins. What may not live here: passwords, tokens, rules.

Tokens come in as their sha256; what a session's age means is decided in review/access.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from storage.database import Database
from storage.database.board_tables import sessions, sign_in_failures, sign_in_links, users
from storage.database.upsert import insert_once
from storage.records.rows import from_row

PEOPLE_LISTED_AT_MOST = 1000


@dataclass(frozen=True)
class User:
    """A person as the board knows them. `source`: local, oidc or proxy; `roles` are names of review's roles."""

    user_id: str
    display_name: str
    email: str
    source: str
    password_hash: str
    roles: tuple[str, ...]
    disabled: bool
    created_at: datetime
    seen_at: datetime | None


@dataclass(frozen=True)
class Session:
    """One signed-in browser, with its person."""

    token_sha256: str
    csrf_token: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    user: User


class Accounts:
    """Reads and writes who may come in."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database, self._clock = database, clock

    def user(self, user_id: str) -> User | None:
        with self._database.read() as connection:
            row = connection.execute(sa.select(users).where(users.c.user_id == user_id)).mappings().first()
        return from_row(User, row) if row else None

    def people(self) -> list[User]:
        query = sa.select(users).order_by(users.c.user_id).limit(PEOPLE_LISTED_AT_MOST)
        with self._database.read() as connection:
            return [from_row(User, row) for row in connection.execute(query).mappings()]

    def add_user(
        self, user_id: str, *, name: str, email: str = "", source: str = "local", roles: Iterable[str] = ()
    ) -> bool:
        """False when there is one of this id already (nothing changes then)."""
        row = {"user_id": user_id, "display_name": name, "email": email, "source": source, "roles": sorted(roles)}
        with self._database.write() as connection:
            return insert_once(connection, users, {**row, "disabled": False, "created_at": self._clock()})

    def set_roles(self, user_id: str, roles: Iterable[str]) -> None:
        self._change(user_id, roles=sorted(roles))

    def set_name(self, user_id: str, name: str, email: str) -> None:
        self._change(user_id, display_name=name, email=email)

    def set_password_hash(self, user_id: str, password_hash: str) -> None:
        self._change(user_id, password_hash=password_hash)

    def set_disabled(self, user_id: str, disabled: bool) -> None:
        """A disabled person's sessions and links are gone in the same transaction."""
        with self._database.write() as connection:
            connection.execute(users.update().where(users.c.user_id == user_id).values(disabled=disabled))
            if disabled:
                connection.execute(sessions.delete().where(sessions.c.user_id == user_id))
                connection.execute(sign_in_links.delete().where(sign_in_links.c.user_id == user_id))

    def _change(self, user_id: str, **values: object) -> None:
        with self._database.write() as connection:
            connection.execute(users.update().where(users.c.user_id == user_id).values(**values))

    def open_session(self, token_sha256: str, user_id: str, csrf_token: str, *, lasts: timedelta) -> None:
        """Also says that the person was seen, and forgets sessions whose time is over."""
        now = self._clock()
        row = {"token_sha256": token_sha256, "user_id": user_id, "csrf_token": csrf_token, "created_at": now}
        with self._database.write() as connection:
            connection.execute(sessions.delete().where(sessions.c.expires_at <= now))
            connection.execute(sessions.insert().values(**row, seen_at=now, expires_at=now + lasts))
            connection.execute(users.update().where(users.c.user_id == user_id).values(seen_at=now))

    def session(self, token_sha256: str) -> Session | None:
        """A session whose time is not over and whose person may come in."""
        query = sa.select(sessions, *_user_columns()).join(users, users.c.user_id == sessions.c.user_id)
        query = query.where(sessions.c.token_sha256 == token_sha256, sessions.c.expires_at > self._clock())
        with self._database.read() as connection:
            row = connection.execute(query.where(users.c.disabled.is_(False))).mappings().first()
        if row is None:
            return None
        user = from_row(User, {name.removeprefix("user__"): v for name, v in row.items() if name.startswith("user__")})
        return from_row(Session, {**row, "user": user})

    def touch_session(self, session: Session, *, expires_at: datetime) -> None:
        now = self._clock()
        where = sessions.c.token_sha256 == session.token_sha256
        with self._database.write() as connection:
            connection.execute(sessions.update().where(where).values(seen_at=now, expires_at=expires_at))
            connection.execute(users.update().where(users.c.user_id == session.user.user_id).values(seen_at=now))

    def close_session(self, token_sha256: str) -> None:
        with self._database.write() as connection:
            connection.execute(sessions.delete().where(sessions.c.token_sha256 == token_sha256))

    def close_sessions_of(self, user_id: str) -> None:
        with self._database.write() as connection:
            connection.execute(sessions.delete().where(sessions.c.user_id == user_id))

    def add_link(self, token_sha256: str, user_id: str, *, lasts: timedelta) -> None:
        now = self._clock()
        row = {"token_sha256": token_sha256, "user_id": user_id, "created_at": now, "expires_at": now + lasts}
        with self._database.write() as connection:
            connection.execute(sign_in_links.insert().values(**row))

    def link_user(self, token_sha256: str) -> User | None:
        """Whose link this is, if it can still be used; it is not used up by asking."""
        query = sa.select(users).join(sign_in_links, sign_in_links.c.user_id == users.c.user_id)
        query = query.where(sign_in_links.c.token_sha256 == token_sha256, *self._usable())
        with self._database.read() as connection:
            row = connection.execute(query.where(users.c.disabled.is_(False))).mappings().first()
        return from_row(User, row) if row else None

    def use_link(self, token_sha256: str) -> str:
        """Use a link up: the id of its person, or "" when it was used, is too old or never was. One caller wins."""
        statement = sign_in_links.update().where(sign_in_links.c.token_sha256 == token_sha256, *self._usable())
        with self._database.write() as connection:
            row = connection.execute(statement.values(used_at=self._clock()).returning(sign_in_links.c.user_id)).first()
        return str(row.user_id) if row else ""

    def _usable(self) -> tuple[sa.ColumnElement[bool], ...]:
        return sign_in_links.c.used_at.is_(None), sign_in_links.c.expires_at > self._clock()

    def try_sign_in(self, limits: dict[str, int], *, window: timedelta) -> bool:
        """Count one try under each key before it is made; False when a key has had its number of them in the window.

        Counted first and taken back by `forgive`, so that tries at the same instant cannot slip through together.
        """
        now = self._clock()
        keys = sorted(limits)
        with self._database.write() as connection:
            if not self._database.is_sqlite:  # there a writing transaction is alone already
                connection.execute(sa.text("LOCK TABLE sign_in_failures IN SHARE ROW EXCLUSIVE MODE"))
            old = sign_in_failures.c.at <= now - window
            connection.execute(sign_in_failures.delete().where(old))
            query = sa.select(sign_in_failures.c.key, sa.func.count()).where(sign_in_failures.c.key.in_(keys))
            counts = {row[0]: row[1] for row in connection.execute(query.group_by(sign_in_failures.c.key))}
            if any(counts.get(key, 0) >= limits[key] for key in keys):
                return False
            connection.execute(sign_in_failures.insert(), [{"key": key, "at": now} for key in keys])
            return True

    def forgive(self, key: str, *, newest_only: bool = False) -> None:
        """Take back the failures of a key after a sign-in; `newest_only` leaves all but this one try."""
        where = sign_in_failures.c.key == key
        if newest_only:
            newest = sa.select(sa.func.max(sign_in_failures.c.failure_id)).where(where).scalar_subquery()
            where = sign_in_failures.c.failure_id == newest
        with self._database.write() as connection:
            connection.execute(sign_in_failures.delete().where(where))


def _user_columns() -> list[sa.Label[object]]:
    return [column.label(f"user__{column.name}") for column in users.c]
