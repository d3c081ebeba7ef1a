"""The board's cookies: their names, and the flags that each gets. What may not live here: what a cookie means."""

from starlette.requests import Request
from starlette.responses import Response

from review.options import BoardOptions

SESSION, VISIT, FLASH, THEME, OIDC = (f"draftline_{name}" for name in ("session", "visit", "flash", "theme", "oidc"))


def read(request: Request, options: BoardOptions, name: str) -> str:
    return request.cookies.get(_full(options, name), "")


def put(response: Response, options: BoardOptions, name: str, value: str, *, max_age_s: int | None = None) -> None:
    """No script reads it, no other site's form sends it along; without max_age_s it ends with the browser."""
    response.set_cookie(
        _full(options, name),
        value,
        max_age=max_age_s,
        path="/",
        secure=options.is_https,
        httponly=True,
        samesite="lax",
    )


def drop(response: Response, options: BoardOptions, name: str) -> None:
    response.delete_cookie(_full(options, name), path="/", secure=options.is_https, httponly=True, samesite="lax")


def _full(options: BoardOptions, name: str) -> str:
    """__Host-: no other host of the same domain can set it. Browsers take it over https only."""
    return f"__Host-{name}" if options.is_https else name
