"""`python -m review`: serve the board. Arguments to options and a server, nothing else."""

import argparse
import logging
import sys
from dataclasses import dataclass

import uvicorn

from domain.errors import DraftlineError, SettingError
from review.app import create_app
from review.options import BoardOptions, from_settings
from wiring import build, read_settings

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
STOP_WITHIN_S = 5
BACKLOG = 128
ASKING_AT_ONCE_AT_MOST = 500


@dataclass(frozen=True)
class Listen:
    """Where the board listens, and whether plain http to the outside was asked for."""

    host: str = "127.0.0.1"
    port: int = 4300
    base_url: str = ""
    insecure: bool = False


def main(arguments: list[str] | None = None) -> int:
    """0 after a normal stop, 2 for a wrong setting, 5 when a service or the database is away."""
    parsed = _parser().parse_args(arguments)
    try:
        serve(Listen(parsed.host, parsed.port, parsed.base_url, parsed.insecure))
    except SettingError as error:
        print(f"board: {error}", file=sys.stderr)
        return 2
    except DraftlineError as error:
        print(f"board: {error}", file=sys.stderr)
        return 5
    return 0


def serve(listen: Listen) -> None:
    """Serve until stopped. Raises SettingError rather than opening plain http to a network."""
    settings = read_settings()
    options = from_settings(settings, base_url=listen.base_url)
    check_open(listen, options)
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("draftline.board").setLevel(logging.INFO)
    w = build(settings)
    try:
        _ = w.database  # a database that is away is said here, not on the first page
        uvicorn.run(
            create_app(w, options),
            host=listen.host,
            port=listen.port,
            log_level="warning",
            access_log=False,  # ours leaves the query out, where a sign-in link has its token
            server_header=False,
            proxy_headers=False,  # whom to believe is decided in review/access
            backlog=BACKLOG,
            limit_concurrency=ASKING_AT_ONCE_AT_MOST,
            timeout_graceful_shutdown=STOP_WITHIN_S,
        )
    finally:
        w.close()


def check_open(listen: Listen, options: BoardOptions) -> None:
    """Plain http to anywhere but this machine would send sessions over the network for all to read."""
    if listen.host not in LOOPBACK and not options.is_https and not listen.insecure:
        raise SettingError(
            f"the board would listen on {listen.host} over plain http",
            where="DRAFTLINE_BOARD_BASE_URL",
            hint="Put a proxy with TLS in front and give its https address (--base-url), or say --insecure",
        )
    if listen.host not in LOOPBACK and not options.base_url:
        raise SettingError("a board for others needs the address that they use", where="DRAFTLINE_BOARD_BASE_URL")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m review", description="Serve the board.")
    parser.add_argument("--host", default=Listen.host, help="where to listen (127.0.0.1)")
    parser.add_argument("--port", type=int, default=Listen.port, help="0 picks a free one (4300)")
    parser.add_argument(
        "--base-url", default="", help="the address that browsers see, such as https://board.example.com"
    )
    parser.add_argument("--insecure", action="store_true", help="allow plain http to other machines")
    return parser


if __name__ == "__main__":
    sys.exit(main())
