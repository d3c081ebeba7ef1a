"""A board on a temporary wiring, and browsers that are signed in with a role: where tests of the board start."""

import re
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any, Self

from argon2 import PasswordHasher
from starlette.applications import Starlette
from starlette.testclient import TestClient

from review.access.local import add_person
from review.access.roles import Role
from review.access.secrets import Passwords
from review.app import create_app
from review.options import BoardOptions
from review.request import Board
from wiring import Settings, Silent, Wiring, build

ADDRESS = "http://127.0.0.1:4300"
# argon2 as cheap as it goes: a test proves that it is used, not how long it takes
CHEAP = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


def board_wiring(folder: Path, **settings: Any) -> Wiring:
    """A wiring whose database and files are in `folder`; no S3, no sandbox, no Prefect."""
    made = build(Settings(**{"home": folder / "home", **settings}), progress=Silent())
    target = made.settings.home / "draftline.db"
    if not made.settings.database_url and not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(_migrated(), target)
    return made


@cache
def _migrated() -> Path:
    """An empty database with its tables, made once: a migration costs half a second."""
    home = Path(tempfile.mkdtemp(prefix="draftline-board-"))
    made = build(Settings(home=home), progress=Silent())
    _ = made.database
    made.close()
    return home / "draftline.db"


class BoardUnderTest:
    """An app and its parts. `client(Role.VIEWER)` is a browser of somebody with that role; `client()` is nobody's."""

    def __init__(self, w: Wiring, options: BoardOptions | None = None) -> None:
        self.w = w
        self.app: Starlette = create_app(w, options or BoardOptions())
        self.board: Board = self.app.state.board
        self.board.passwords = CHEAP

    @classmethod
    def on(cls, folder: Path, options: BoardOptions | None = None, **settings: Any) -> Self:
        return cls(board_wiring(folder, **settings), options)

    def client(self, *roles: Role, user_id: str = "") -> "BoardClient":
        """A browser. A person is made for each set of roles, named as they are (`viewer`, `admin+finance`)."""
        browser = BoardClient(self, peer="127.0.0.1")
        if roles or user_id:
            browser.sign_in(user_id or "+".join(sorted(roles)), roles)
        return browser


class BoardClient(TestClient):
    """A browser: keeps cookies, follows no redirect, sends the form token that its session has."""

    def __init__(self, board: BoardUnderTest, *, peer: str) -> None:
        super().__init__(board.app, ADDRESS, False, follow_redirects=False, client=(peer, 50_000))
        self.under_test = board
        self.user_id = ""

    def sign_in(self, user_id: str, roles: tuple[Role, ...]) -> None:
        accounts = self.under_test.board.accounts
        if accounts.user(user_id) is None:
            add_person(accounts, user_id, user_id.title(), frozenset(roles))
        self.user_id = user_id
        token = self.under_test.board.sessions.open(user_id)
        name = "__Host-draftline_session" if self.under_test.board.options.is_https else "draftline_session"
        self.cookies.set(name, token)

    @property
    def csrf_token(self) -> str:
        """Out of a page, as a browser has it."""
        page = self.get("/sign-in")
        # whoever is in is sent on from there
        found = TOKEN.search((page if page.status_code == 200 else self.get("/no-such-page")).text)
        assert found is not None, "the page has no form token"
        return found.group(1)

    def submit(self, url: str, *, htmx: bool = False, files: Any = None, **fields: Any) -> Any:
        """Post a form with its token, as a browser or as HTMX does."""
        headers = {"origin": ADDRESS} | ({"hx-request": "true"} if htmx else {})
        return self.post(url, data={"csrf_token": self.csrf_token, **fields}, headers=headers, files=files)
