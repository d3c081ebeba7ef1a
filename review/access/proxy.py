"""Sign-in by a trusted proxy's headers. The header counts from the configured addresses only; elsewhere it is nothing.

What may not live here: other ways to sign in.
"""

from starlette.requests import Request

from review.access.audit import record
from review.access.directory import MAX_ID_CHARS, MAX_NAME_CHARS, Vouched, welcome
from review.request import board, in_thread
from storage.records.accounts import Session

PREFIX = "proxy:"


def vouched(request: Request) -> Vouched | None:
    """Whom the proxy names; None when the peer is no trusted proxy, or names nobody or somebody with an absurd name."""
    options = board(request).options
    if request.client is None or not options.trusts(request.client.host):
        return None
    user = _one(request, options.proxy.user_header)
    if not user or len(user) > MAX_ID_CHARS - len(PREFIX) or not user.isprintable():
        return None
    name = _one(request, options.proxy.name_header)[:MAX_NAME_CHARS] or user
    groups = request.headers.get(options.proxy.groups_header, "").split(",")
    email = user if "@" in user else ""
    return Vouched(PREFIX + user, name, email, frozenset(group.strip() for group in groups if group.strip()))


async def session(request: Request, token: str) -> Session | None:
    """The session of the person whom the proxy names: the cookie's if it is theirs, else a new one.

    The roles follow the header at once: a person who lost a group loses its roles with the next request.
    """
    person = vouched(request)
    if person is None:
        return None
    b = board(request)
    before, now = await in_thread(welcome, b.accounts, b.options, person, "proxy")
    if before != now:
        await record(request, "roles.changed", person.user_id, user_id="proxy", before=sorted(before), now=sorted(now))
    found = await in_thread(b.sessions.find, token)
    if found is None or found.user.user_id != person.user_id:
        token = await in_thread(b.sessions.open, person.user_id, instead_of=token if found else "")
        found = await in_thread(b.sessions.find, token)
        if found is not None:  # None: this person is shut out
            request.state.opened_session = token
            await record(request, "sign_in.ok", user_id=person.user_id, by="proxy")
    return found


def _one(request: Request, header: str) -> str:
    """A header that stands there once; twice means that the proxy did not take the client's own away."""
    values = request.headers.getlist(header)
    return values[0].strip() if len(values) == 1 else ""
