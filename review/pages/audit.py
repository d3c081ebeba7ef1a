"""The audit log for administrators: newest first, by person or by kind. Nobody can change it here."""

from starlette.requests import Request
from starlette.responses import Response

from review import render
from review.access.roles import Role
from review.request import board, in_thread
from review.routing import Page

ROWS = 100


async def audit(request: Request) -> Response:
    query = request.query_params
    user_id, action, before = query.get("user", "")[:200], query.get("action", "")[:100], query.get("before", "")
    audits = board(request).audits
    before_id = int(before) if before.isdecimal() and len(before) < 19 else 0
    found = await in_thread(audits.newest, ROWS + 1, before_id=before_id, user_id=user_id, action=action)
    return render.page(
        request,
        "audit/audit.html",
        entries=found[:ROWS],
        older_than=found[ROWS - 1].audit_id if len(found) > ROWS else 0,
        choices=[("", "everything"), *((name, name) for name in await in_thread(audits.actions))],
        user_id=user_id,
        action=action,
        is_first=not before_id,
    )


PAGES = (Page("/audit", audit, Role.ADMIN, name="audit"),)
