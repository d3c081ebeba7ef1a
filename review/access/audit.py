"""How pages write to the audit log. What may not live here: the table."""

from typing import Any

from starlette.requests import Request

from review.request import address, board, in_thread, maybe_visitor


async def record(request: Request, action: str, target: str = "", *, user_id: str = "", **detail: Any) -> None:
    """Who (the visitor, unless named), from where, did what to which thing. Never put a password or a token in here."""
    visitor = maybe_visitor(request)
    who = user_id or (visitor.user_id if visitor else "")
    await in_thread(board(request).audits.add, who, action, target, address=address(request), **detail)
