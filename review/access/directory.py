"""People whom a directory vouches for (OpenID Connect, a proxy): their row and roles at sign-in. No HTTP here."""

from collections.abc import Iterable
from dataclasses import dataclass

from review.access.roles import NO_ROLES, Roles, known_roles
from review.options import BoardOptions, SignIn
from storage.records.accounts import Accounts

MAX_ID_CHARS = 200
MAX_NAME_CHARS = 200


@dataclass(frozen=True)
class Vouched:
    """What the directory says of a person."""

    user_id: str
    name: str
    email: str
    groups: frozenset[str]


def roles_of(options: BoardOptions, groups: Iterable[str]) -> Roles:
    """The roles that the groups give."""
    return NO_ROLES.union(*(options.group_roles.get(group, NO_ROLES) for group in groups))


def welcome(accounts: Accounts, options: BoardOptions, person: Vouched, source: SignIn) -> tuple[Roles, Roles]:
    """Write what the directory says. (roles before, roles now).

    With DRAFTLINE_BOARD_GROUP_ROLES the directory decides at every sign-in; without, a newcomer gets the newcomers'
    roles and an administrator decides.
    """
    found = accounts.user(person.user_id)
    before = known_roles(found.roles) if found else NO_ROLES
    decided = roles_of(options, person.groups) if options.group_roles else before
    now = decided if found or options.group_roles else options.newcomer_roles
    if found is None:
        accounts.add_user(person.user_id, name=person.name, email=person.email, source=source, roles=now)
        return before, now
    if (found.display_name, found.email) != (person.name, person.email):
        accounts.set_name(person.user_id, person.name, person.email)
    if now != before:
        accounts.set_roles(person.user_id, now)
    return before, now
