"""Who sends this request: by the session cookie, or by a trusted proxy. Sets `request.state`; refuses nobody.

state.visitor (Visitor or None), state.csrf_token, state.visit and state.visit_is_new (for forms before sign-in),
state.opened_session (a session's token that the answer must hand out as a cookie).
"""

from starlette.requests import Request

from review.access import cookies, csrf, proxy
from review.access.secrets import new_token
from review.access.sessions import visitor_of
from review.request import board, in_thread


async def identify(request: Request) -> None:
    b, state = board(request), request.state
    token = cookies.read(request, b.options, cookies.SESSION)
    if b.options.sign_in == "proxy":
        session = await proxy.session(request, token)
    else:
        session = await in_thread(b.sessions.find, token)
    state.visitor = visitor_of(session) if session else None
    state.visit = cookies.read(request, b.options, cookies.VISIT)
    state.visit_is_new = not state.visit and session is None
    if state.visit_is_new:
        state.visit = new_token()
    state.csrf_token = session.csrf_token if session else csrf.token_of_visit(state.visit)
