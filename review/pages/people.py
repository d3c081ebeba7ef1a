"""Who may come in: add people, give roles, make a sign-in link, shut out; and each person's own password.

What may not live here: how a sign-in is proven (review/access).
"""

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from domain.errors import InputError
from review import render
from review.access import local
from review.access.audit import record
from review.access.roles import WHAT_FOR, Role, Roles, parse_roles
from review.request import board, in_thread, visitor
from review.routing import Page
from storage.records.accounts import User


async def people(request: Request) -> Response:
    return await _list(request)


async def _list(request: Request, *, problem: str = "", typed: FormData | None = None, link: str = "") -> Response:
    b = board(request)
    return render.page(
        request,
        "people/people.html",
        status=422 if problem else 200,
        people=await in_thread(b.accounts.people),
        what_for=WHAT_FOR,
        way=b.options.sign_in,
        directory_decides=bool(b.options.group_roles) and b.options.sign_in != "local",
        problem=problem,
        typed=typed or FormData(),
        link=link,
    )


async def add(request: Request) -> Response:
    form = await request.form()
    roles = _roles(form)
    values = [str(form.get(name, "")) for name in ("user_id", "name", "email")]
    accounts = board(request).accounts
    try:
        user_id = await in_thread(local.add_person, accounts, values[0], values[1], roles, values[2])
    except InputError as error:
        return await _list(request, problem=error.message, typed=form)
    await record(request, "person.added", user_id, roles=sorted(roles))
    render.flash(request, f"{user_id} may come in now. Make a sign-in link and send it to them.", "good")
    return render.see_other(request, f"/people#{user_id}")


async def set_roles(request: Request) -> Response:
    person, accounts = await _person(request), board(request).accounts
    roles = _roles(await request.form())
    if board(request).options.group_roles and person.source != "local":
        raise InputError("The directory decides on this person's roles")
    await in_thread(local.check_one_admin_is_left, accounts, person.user_id, roles)
    await in_thread(accounts.set_roles, person.user_id, roles)
    await record(request, "roles.changed", person.user_id, before=list(person.roles), now=sorted(roles))
    render.flash(request, f"{person.user_id} is {', '.join(sorted(roles)) or 'without a role'} now.", "good")
    return render.see_other(request, f"/people#{person.user_id}")


async def set_disabled(request: Request) -> Response:
    person, accounts = await _person(request), board(request).accounts
    disabled = (await request.form()).get("disabled") == "yes"
    if disabled:
        await in_thread(local.check_one_admin_is_left, accounts, person.user_id, frozenset())
    await in_thread(accounts.set_disabled, person.user_id, disabled)
    await record(request, "person.shut_out" if disabled else "person.let_in", person.user_id)
    says = "is shut out, and signed out everywhere" if disabled else "may come in again"
    render.flash(request, f"{person.user_id} {says}.", "good")
    return render.see_other(request, f"/people#{person.user_id}")


async def link(request: Request) -> Response:
    """A one-time link, shown once on the page that answers: it is in no address and no log."""
    person = await _person(request)
    b = board(request)
    if b.options.sign_in != "local":
        raise InputError("Sign-in is not done here, so there are no links")
    token = await in_thread(local.new_link, b.accounts, person.user_id)
    await record(request, "link.made", person.user_id)
    base = b.options.base_url or f"{request.url.scheme}://{request.url.netloc}"
    render.flash(request, f"The link for {person.user_id} is good for a quarter of an hour, once.", "info")
    return await _list(request, link=f"{base}{local.link_path(token)}")


async def show_password(request: Request) -> Response:
    return render.page(request, "people/password.html", problem="")


async def set_password(request: Request) -> Response:
    """One's own password, with the present one if there is one. Every other session of this person ends."""
    b, who, form = board(request), visitor(request), await request.form()
    now, new = str(form.get("present", "")), str(form.get("new", ""))
    person = await in_thread(b.accounts.user, who.user_id)
    if person is None or person.source != "local":
        raise InputError("Your password is kept elsewhere")
    problem = await in_thread(_password_problem, request, person, now, new, str(form.get("again", "")))
    if problem:
        return render.page(request, "people/password.html", status=422, problem=problem)
    await in_thread(lambda: b.accounts.set_password_hash(who.user_id, b.passwords.hashed(new)))
    await in_thread(b.accounts.close_sessions_of, who.user_id)
    await record(request, "password.changed", who.user_id)
    render.flash(request, "Your password is changed. Sign in with it.", "good")
    return render.see_other(request, "/sign-in")


def _password_problem(request: Request, person: User, present: str, new: str, again: str) -> str:
    try:
        local.check_password(new)
    except InputError as error:
        return error.message
    if new != again:
        return "The two new passwords differ."
    if person.password_hash and not board(request).passwords.fits(person.password_hash, present):
        return "That is not your present password."
    return ""


async def _person(request: Request) -> User:
    found = await in_thread(board(request).accounts.user, request.path_params["user_id"])
    if found is None:
        raise HTTPException(404, "There is nobody of this name.")
    return found


def _roles(form: FormData) -> Roles:
    return parse_roles(str(name) for name in form.getlist("roles"))


PAGES = (
    Page("/people", people, Role.ADMIN, name="people"),
    Page("/people", add, Role.ADMIN, methods=("POST",)),
    Page("/people/{user_id:path}/roles", set_roles, Role.ADMIN, methods=("POST",)),
    Page("/people/{user_id:path}/access", set_disabled, Role.ADMIN, methods=("POST",)),
    Page("/people/{user_id:path}/link", link, Role.ADMIN, methods=("POST",)),
    Page("/password", show_password, Role.VIEWER),
    Page("/password", set_password, Role.VIEWER, methods=("POST",)),
)
