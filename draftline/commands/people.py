"""`draftline people`: who may come into the board, with which roles, and one-time sign-in links."""

from typing import Annotated

import typer

from domain.errors import InputError
from draftline import options as o
from draftline.console import out, print_json, table
from draftline.embedded import supervisor
from draftline.embedded.board import USUAL_PORT
from draftline.session import session
from review.access import local
from review.access.roles import Role, parse_roles
from storage.records.accounts import Accounts
from storage.records.audits import Audits
from wiring import Wiring

app = typer.Typer(help="Who may come into the board, and what they may do there.", no_args_is_help=True)
NOTHING: frozenset[str] = frozenset()
COMMAND_LINE = "command line"
ROLES = ", ".join(Role)

Name = Annotated[str, typer.Argument(help="The sign-in name, or the id that `people list` shows.")]
Roles = Annotated[list[str], typer.Option("--role", help=f"One of {ROLES}; several times for several.")]


@app.command(name="list", epilog="Example:  draftline people list")
def list_(as_json: o.Json = False) -> None:
    """Everybody who was ever let in."""
    with session(NOTHING, quiet=True) as w:
        found = _accounts(w).people()
    shown = [{k: v for k, v in vars(user).items() if k != "password_hash"} for user in found]
    if as_json:
        print_json(shown)
        return
    rows = [
        (u.user_id, u.display_name, u.source, ", ".join(u.roles), "shut out" if u.disabled else "", _seen(u.seen_at))
        for u in found
    ]
    table("People", ("id", "name", "signs in by", "roles", "", "seen (UTC)"), rows)


@app.command(epilog="Example:  draftline people add ada --name 'Ada Lovelace' --role creator --role reviewer")
def add(
    name: Annotated[str, typer.Argument(help="The sign-in name: letters, digits and . _ @ + -")],
    roles: Roles,
    shown: Annotated[str, typer.Option("--name", help="The name as others see it.")] = "",
    email: Annotated[str, typer.Option("--email", help="May stay empty.")] = "",
) -> None:
    """Let somebody in; `draftline people link` then makes the link to send to them."""
    given = parse_roles(roles)
    with session(NOTHING, quiet=True) as w:
        user_id = local.add_person(_accounts(w), name, shown, given, email)
        _audits(w).add(COMMAND_LINE, "person.added", user_id, roles=sorted(given))
    out.print(f"{user_id} may come in now:  draftline people link {user_id}")


@app.command(epilog="Example:  draftline people roles ada --role approver --role finance")
def roles(name: Name, roles: Roles) -> None:
    """Give somebody these roles in place of the present ones."""
    given = parse_roles(roles)
    with session(NOTHING, quiet=True) as w:
        accounts = _accounts(w)
        found = accounts.user(name)
        if found is None:
            raise InputError(f"there is nobody {name!r}; `draftline people list` shows everybody")
        local.check_one_admin_is_left(accounts, name, given)
        accounts.set_roles(name, given)
        _audits(w).add(COMMAND_LINE, "roles.changed", name, before=list(found.roles), now=sorted(given))
    out.print(f"{name} is {', '.join(sorted(given))} now.")


@app.command(epilog="Example:  draftline people link ada")
def link(name: Name) -> None:
    """Print a link that signs this person in, once, within a quarter of an hour."""
    with session(NOTHING, quiet=True) as w:
        if w.settings.board_sign_in != "local":
            raise InputError(f"people sign in by {w.settings.board_sign_in}, so there are no links")
        url = link_for(w, name, w.settings.board_base_url.rstrip("/") or _running_board(w))
    out.print(url)


def link_for(w: Wiring, user_id: str, base_url: str) -> str:
    """A one-time link's address, made from the command line."""
    token = local.new_link(_accounts(w), user_id)
    _audits(w).add(COMMAND_LINE, "link.made", user_id)
    return base_url + local.link_path(token)


def first_link(w: Wiring, base_url: str) -> str:
    """A link for an administrator, who is made when there is none; "" where people do not sign in here."""
    if w.settings.board_sign_in != "local":
        return ""
    return link_for(w, local.first_admin(_accounts(w)), base_url)


def _running_board(w: Wiring) -> str:
    """Where this folder's board listens, or would."""
    ports = [s.ports["http"] for s in supervisor.inspect(w.settings.home) if s.service == "board" and s.running]
    return f"http://127.0.0.1:{next(iter(ports), USUAL_PORT)}"


def _accounts(w: Wiring) -> Accounts:
    return Accounts(w.database, w.now)


def _audits(w: Wiring) -> Audits:
    return Audits(w.database, w.now)


def _seen(at: object) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else "never"
