"""The roles and what each includes: the one table. What may not live here: who has which role, and routes."""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from domain.errors import InputError


class Role(StrEnum):
    """What a person may do. A page names the one role that it needs."""

    VIEWER = "viewer"
    CREATOR = "creator"
    REVIEWER = "reviewer"
    APPROVER = "approver"
    FINANCE = "finance"
    ADMIN = "admin"


Roles = frozenset[Role]
NO_ROLES: Roles = frozenset()

# Each role with every role that it includes besides itself.
INCLUDES: Mapping[Role, Roles] = {
    Role.VIEWER: NO_ROLES,
    Role.CREATOR: frozenset({Role.VIEWER}),
    Role.REVIEWER: frozenset({Role.VIEWER}),
    Role.APPROVER: frozenset({Role.VIEWER, Role.CREATOR, Role.REVIEWER}),
    Role.FINANCE: frozenset({Role.VIEWER}),
    Role.ADMIN: frozenset(Role) - {Role.ADMIN},
}

WHAT_FOR: Mapping[Role, str] = {
    Role.VIEWER: "sees runs, contact sheets and pictures",
    Role.CREATOR: "writes briefs and launches runs",
    Role.REVIEWER: "picks drafts and works through the queue",
    Role.APPROVER: "approves quotes and publication; also creates and reviews",
    Role.FINANCE: "sees what was spent and sets caps",
    Role.ADMIN: "does everything, and says who may come in",
}


def expand(roles: Iterable[Role]) -> Roles:
    """The roles with all that they include."""
    given = frozenset(roles)
    return given.union(*(INCLUDES[role] for role in given))


def parse_roles(names: Iterable[str]) -> Roles:
    """Roles by their names. Raises InputError naming what is no role."""
    found = []
    for name in names:
        try:
            found.append(Role(name.strip().lower()))
        except ValueError as error:
            raise InputError(f"{name!r} is no role; there are {', '.join(Role)}") from error
    return frozenset(found)


def known_roles(names: Iterable[str]) -> Roles:
    """Those of the names that are roles: for what an earlier version may have written."""
    return frozenset(Role(name) for name in names if name in set(Role))
