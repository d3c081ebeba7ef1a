"""`draftline board`: the board alone, in the foreground. For everything embedded at once there is `draftline up`."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

from draftline.commands.people import first_link
from draftline.console import out, say
from draftline.embedded import supervisor
from draftline.embedded.service import Options
from draftline.session import needed
from wiring import build, read_settings

if TYPE_CHECKING:
    from review.__main__ import Listen

SERVICES = frozenset({"s3"})
HOST, PORT = "127.0.0.1", 4300


def board(
    host: Annotated[str, typer.Option("--host", help="Where to listen.")] = HOST,
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Where to listen.")] = PORT,
    base_url: Annotated[
        str, typer.Option("--base-url", help="The address that browsers see, such as https://board.example.com.")
    ] = "",
    insecure: Annotated[bool, typer.Option("--insecure", help="Allow plain http to other machines.")] = False,
) -> None:
    """Serve the board: launch, contact sheets, picks, progress, spend. Prefect is the one of PREFECT_API_URL.

    Ctrl-C stops it.

    Example:  draftline board --base-url https://board.example.com
    """
    # Only this command needs the pages. Prefect is behind them, which reads its settings at import: in the other
    # commands that comes after their services are up.
    from review.__main__ import Listen, check_open, serve
    from review.options import from_settings

    settings, listen = read_settings(), Listen(host, port, base_url, insecure)
    options = from_settings(settings, base_url=base_url)
    check_open(listen, options)
    stores = Options(settings.s3_private_bucket, settings.s3_public_bucket)
    with supervisor.ensure(needed(settings, SERVICES), settings.home, options=stores, on_event=say) as running:
        os.environ.update(running.environment())
        _print_address(listen, options.base_url)
        serve(listen)


def _print_address(listen: "Listen", base_url: str) -> None:
    """On this machine with a link that signs in; elsewhere `draftline people link` makes one."""
    from review.__main__ import LOOPBACK

    url = base_url or f"http://{listen.host}:{listen.port}"
    out.print(f"Board   {url}   Ctrl-C stops it.")
    if listen.host in LOOPBACK and not base_url:
        w = build()
        try:
            sign_in = first_link(w, url)
        finally:
            w.close()
        if sign_in:
            out.print(f"Sign in once, within a quarter of an hour:  {sign_in}")
