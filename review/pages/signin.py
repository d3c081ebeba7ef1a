"""Coming in and going out: the sign-in page, one-time links, OpenID Connect, sign-out; and the light or dark switch.

What may not live here: how a proof is checked (review/access).
"""

import logging
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from review import render
from review.access import cookies
from review.access.audit import record
from review.access.directory import welcome
from review.access.local import LocalSignIn, TooManyTries
from review.access.oidc import SignInFailed, Started
from review.access.secrets import token_sha256
from review.render import SIGN_IN
from review.request import address, board, in_thread, maybe_visitor
from review.routing import Page

log = logging.getLogger("draftline.board")
OIDC_LASTS_S = 600
THEME_LASTS_S = 31_536_000
CALLBACK = "/sign-in/callback"
WRONG = "That name and password do not go together."
USED_UP = "This link was used already, or it is older than a quarter of an hour. Ask for a new one."


async def show(request: Request) -> Response:
    """The ways to sign in; straight on for somebody who is in."""
    next_path = render.local_path(request.query_params.get("next", "/"))
    return _form(request, next_path) if maybe_visitor(request) is None else RedirectResponse(next_path, 303)


def _form(request: Request, next_path: str, *, problem: str = "", name: str = "", status: int = 200) -> Response:
    b = board(request)
    return render.page(
        request,
        "signin/sign_in.html",
        status=status,
        way=b.options.sign_in,
        provider=b.oidc.host if b.oidc else "",
        next_path=next_path,
        problem=problem,
        name=name,
    )


async def with_password(request: Request) -> Response:
    form = await request.form()
    name, password = str(form.get("name", "")), str(form.get("password", ""))
    next_path = render.local_path(str(form.get("next", "/")))
    if board(request).options.sign_in != "local":
        return _form(request, next_path, problem="Passwords are not used here.", status=403)
    try:
        user = await in_thread(_local(request).by_password, name, password, address(request))
    except TooManyTries as error:
        await record(request, "sign_in.limited", _safe_name(name), by="password")
        return _form(request, next_path, problem=error.message, name=name, status=429)
    if user is None:
        await record(request, "sign_in.failed", _safe_name(name), by="password")
        return _form(request, next_path, problem=WRONG, name=name, status=401)
    return await _come_in(request, user.user_id, "password", next_path)


async def show_link(request: Request) -> Response:
    """A button. Looking does not use the link up: mail programs and chats look at links before people do."""
    token, b = request.query_params.get("token", ""), board(request)
    usable = bool(token) and b.options.sign_in == "local"
    user = await in_thread(b.accounts.link_user, token_sha256(token)) if usable else None
    if user is None:
        return _form(request, "/", problem=USED_UP, status=410)
    return render.page(request, "signin/link.html", token=token, person=user.display_name or user.user_id)


async def with_link(request: Request) -> Response:
    token = str((await request.form()).get("token", ""))
    if board(request).options.sign_in != "local":
        return _form(request, "/", problem="Links are not used here.", status=403)
    try:
        user = await in_thread(_local(request).by_link, token, address(request))
    except TooManyTries as error:
        return _form(request, "/", problem=error.message, status=429)
    if user is None:
        await record(request, "sign_in.failed", by="link")
        return _form(request, "/", problem=USED_UP, status=410)
    return await _come_in(request, user.user_id, "link", "/")


async def to_provider(request: Request) -> Response:
    oidc = board(request).oidc
    if oidc is None:
        return RedirectResponse(SIGN_IN, 303)
    next_path = render.local_path(request.query_params.get("next", "/"))
    try:
        url, started = await oidc.begin(_redirect_uri(request), next_path)
    except SignInFailed as error:
        return await _provider_failed(request, error)
    answer = RedirectResponse(url, 303)
    cookies.put(answer, board(request).options, cookies.OIDC, started.packed(), max_age_s=OIDC_LASTS_S)
    return answer


async def from_provider(request: Request) -> Response:
    """The provider sent the browser back. The cookie that began it is used up, whatever comes out."""
    b = board(request)
    if b.oidc is None:
        return RedirectResponse(SIGN_IN, 303)
    started = Started.unpacked(dict(parse_qsl(cookies.read(request, b.options, cookies.OIDC))))
    try:
        person = await b.oidc.finish(started, request.query_params, _redirect_uri(request))
    except SignInFailed as error:
        answer = await _provider_failed(request, error)
    else:
        before, now = await in_thread(welcome, b.accounts, b.options, person, "oidc")
        if before != now:
            await record(
                request, "roles.changed", person.user_id, user_id="oidc", before=sorted(before), now=sorted(now)
            )
        answer = await _come_in(
            request, person.user_id, "oidc", render.local_path(started.next_path if started else "/")
        )
    cookies.drop(answer, b.options, cookies.OIDC)
    return answer


async def _provider_failed(request: Request, error: SignInFailed) -> Response:
    log.warning("board_sign_in_failed id=%s why=%r", request.state.request_id, error.why)
    await record(request, "sign_in.failed", by="oidc", why=error.why[:200])
    return _form(request, "/", problem=str(error), status=403)


async def _come_in(request: Request, user_id: str, by: str, next_path: str) -> Response:
    """A new session in place of the old one."""
    b = board(request)
    user = await in_thread(b.accounts.user, user_id)
    if user is None or user.disabled:
        await record(request, "sign_in.failed", user_id, by=by, why="shut out")
        return _form(request, "/", problem="You have no access here. Ask an administrator.", status=403)
    before = cookies.read(request, b.options, cookies.SESSION)
    token = await in_thread(b.sessions.open, user_id, instead_of=before)
    await record(request, "sign_in.ok", user_id=user_id, by=by)
    answer = RedirectResponse(next_path, 303)
    cookies.put(answer, b.options, cookies.SESSION, token)
    cookies.drop(answer, b.options, cookies.VISIT)
    return answer


async def sign_out(request: Request) -> Response:
    b = board(request)
    token = cookies.read(request, b.options, cookies.SESSION)
    if maybe_visitor(request) is not None:
        await record(request, "sign_in.out")
    await in_thread(b.sessions.close, token)
    answer = render.see_other(request, SIGN_IN)
    cookies.drop(answer, b.options, cookies.SESSION)
    return answer


async def set_theme(request: Request) -> Response:
    form = await request.form()
    wanted = str(form.get("theme", "auto"))
    answer = RedirectResponse(render.local_path(str(form.get("back", "/"))), 303)
    if wanted in ("light", "dark"):
        cookies.put(answer, board(request).options, cookies.THEME, wanted, max_age_s=THEME_LASTS_S)
    else:
        cookies.drop(answer, board(request).options, cookies.THEME)
    return answer


def _local(request: Request) -> LocalSignIn:
    return LocalSignIn(board(request).accounts, board(request).passwords)


def _safe_name(name: str) -> str:
    """Of a name that was typed only its beginning: people type passwords into that field."""
    return f"{name[:2]}…" if name else ""


def _redirect_uri(request: Request) -> str:
    base = board(request).options.base_url or f"{request.url.scheme}://{request.url.netloc}"
    return f"{base}{CALLBACK}"


PAGES = (
    Page(SIGN_IN, show, None, name="sign_in"),
    Page(SIGN_IN, with_password, None, methods=("POST",)),
    Page("/sign-in/link", show_link, None),
    Page("/sign-in/link", with_link, None, methods=("POST",)),
    Page("/sign-in/oidc", to_provider, None),
    Page(CALLBACK, from_provider, None),
    Page("/sign-out", sign_out, None, methods=("POST",)),
    Page("/theme", set_theme, None, methods=("POST",)),
)
