"""`make screenshots`: every page of the board, and Prefect's forms and artifacts, as pictures under docs/images.

The board is seeded (tests/support/board_data.py) with pictures of the sandbox's painter, so the same code gives nearly
the same pictures. `python tools/screenshots.py board|prefect [NAME …]` makes some of them again.
"""

import io
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402
from playwright.sync_api import Browser, Page  # noqa: E402

from review.access import local  # noqa: E402
from review.access.roles import Role  # noqa: E402
from storage.database.tables import publications  # noqa: E402
from storage.records.launches import Launch  # noqa: E402
from tests.support.board import BoardUnderTest  # noqa: E402
from tests.support.board_browser import DESK, PHONE, chromium, served  # noqa: E402
from tests.support.board_data import BoardData, board_wiring, seed_board  # noqa: E402
from tests.support.board_prefect import FakePrefect  # noqa: E402
from tests.support.board_stack import draftline_up  # noqa: E402
from tests.support.browser import Site  # noqa: E402
from tests.support.prefect_pages import PrefectPages  # noqa: E402

IMAGES = ROOT / "docs" / "images"
MAX_BYTES = 250_000
COLOURS, QUALITIES = 192, (80, 72, 64, 55, 45)
MAX_HEIGHT_PX = 2_400
APPROVED_ABOVE_CENTS = 9  # below what the brief costs: one launch of the pictures waits for approval
PEOPLE = {
    "mara": frozenset({Role.APPROVER}),
    "jonas": frozenset({Role.CREATOR, Role.REVIEWER}),
    "noor": frozenset({Role.FINANCE}),
    "finn": frozenset({Role.VIEWER}),
}
STARTING = "campaign-first-snow-5d0c2f81ab"
WAITS_MS = 30_000
SETTLES_MS = 500
SEEN_ARE_THERE = """() => [...document.images].every((image) => {
  const { top, bottom, width } = image.getBoundingClientRect();
  return image.complete || !width || bottom < 0 || top > innerHeight;
})"""
BRIEF = {
    "name": "slow-mornings",
    "title": "Slow Mornings",
    "subject": "an oat-glazed stoneware mug of coffee with a raw clay foot",
    "setting": "an oak kitchen table by a plaster wall",
    "light": "low autumn morning sun from the left",
    "select": "person",
    "placements": ["thumb"],
}


@dataclass(frozen=True)
class Shot:
    """One picture: what is opened, what is done there first, how it is looked at, and by whom ("" is nobody)."""

    name: str
    path: str
    act: Callable[[Page], None] | None = None
    looks: tuple[str, ...] = ("light",)
    whole: bool = False
    photos: bool = True
    who: str = "ada"


# -- what is done on a page before its picture is taken ---------------------------------------------------------------


def _brief(page: Page, button: str = "Approve and start") -> None:
    side = page.get_by_role("complementary", name="Quote and preview")
    for name in ("subject", "setting", "light"):
        page.get_by_role("textbox", name=name.capitalize(), exact=True).fill(BRIEF[name])
    page.get_by_role("textbox", name="Palette").fill("#d9c7a8, #b98d63, #7f8f78")
    side.get_by_role("button", name=button).wait_for()
    side.get_by_text("#7f8f78").first.wait_for(state="attached")
    page.evaluate("document.activeElement.blur()")


def _keys(*keys: str) -> Callable[[Page], None]:
    def press(page: Page) -> None:
        page.get_by_role("listbox", name="Drafts").get_by_role("option").first.focus()
        for key in keys:
            page.keyboard.press(key)
            page.wait_for_timeout(SETTLES_MS)

    return press


def _link(name: str) -> Callable[[Page], None]:
    def press(page: Page) -> None:
        page.get_by_role("link", name=name).first.click()
        page.get_by_role("dialog").wait_for()

    return press


def _finals(page: Page) -> None:
    """Approves what has no exception first: taken last, for it changes the queue."""
    _link("Approve the")(page)
    page.get_by_role("dialog").get_by_role("button", name="Approve").click()
    page.get_by_role("button", name="Undo these").wait_for()
    page.locator("#to-finals").click()
    page.get_by_role("dialog").wait_for()


def shots(site: Site) -> tuple[Shot, ...]:
    data: BoardData = site.data
    sheet, both, all_three = f"/runs/{data.campaign}/sheet/slow-mornings", ("light", "dark"), ("light", "dark", "phone")
    link = local.link_path(local.new_link(site.under.board.accounts, "mara"))
    return (
        Shot("sign-in", "/sign-in", photos=False, who=""),
        Shot("sign-in-link", link, photos=False, who=""),
        Shot("home", "/", looks=all_three),
        Shot("launch", "/launch", _brief, all_three, whole=True, photos=False),
        Shot("launch-catalog", "/launch/catalog", photos=False),
        Shot("launch-briefs", "/launch/briefs", photos=False),
        Shot("launch-approvals", "/launch/approvals", whole=True, photos=False),
        Shot("runs", "/runs", looks=both),
        Shot("run", f"/runs/{data.running}", looks=all_three, whole=True),
        Shot("run-catalog", f"/runs/{data.catalog}", whole=True),
        Shot("run-starting", f"/runs/{STARTING}", photos=False),
        Shot("run-cancel", f"/runs/{data.running}", _link("Cancel")),
        Shot("run-again", f"/runs/{data.catalog}", _link("Retry")),
        Shot("sheet", sheet, _keys("ArrowRight"), all_three),
        Shot("sheet-large", sheet, _keys("ArrowRight", "e", "i"), both),
        Shot("sheet-compare", sheet, _keys("Shift+ArrowRight", "c")),
        Shot("sheet-keys", sheet, _keys("?")),
        Shot("sheet-promote", sheet, _link("Make finals")),
        Shot("sheet-500", f"/runs/{data.big}/sheet/five-hundred"),
        Shot("asset", f"/runs/{data.published}/assets/harvest-table", looks=both, whole=True),
        Shot("queue", f"/queue?run={data.catalog}&at=1", looks=all_three),
        Shot("queue-bulk", f"/queue?run={data.catalog}&at=1", _link("Approve the")),
        Shot("spend", "/spend", looks=both, whole=True, photos=False),
        Shot("spend-attempts", "/spend/attempts", photos=False),
        Shot("spend-attempt", "/spend/attempts?state=in_doubt", _first_attempt, whole=True, photos=False),
        Shot("spend-drift", "/spend/drift", photos=False),
        Shot("spend-approvals", "/spend/approvals", photos=False),
        Shot("caps", "/caps", looks=both, whole=True, photos=False),
        Shot("cap", "/caps/cap/day", whole=True, photos=False),
        Shot("cap-new", "/caps/new", whole=True, photos=False),
        Shot("people", "/people", photos=False),
        Shot("password", "/password", photos=False),
        Shot("audit", "/audit", photos=False),
        Shot("nothing-here", "/no-such-page", photos=False),
        Shot("not-for-you", "/spend", photos=False, who="finn"),
        Shot("queue-finals", f"/queue?run={data.catalog}&at=1", _finals),
    )


def _first_attempt(page: Page) -> None:
    page.locator("a[href*='/spend/attempts/']").first.click()
    page.wait_for_url("**/spend/attempts/*")


# -- the board ---------------------------------------------------------------------------------------


@contextmanager
def seeded_board(browser: Browser, folder: Path) -> Iterator[Site]:
    """Seeded in a thread: the planner runs an event loop, and Playwright keeps one here."""
    w = board_wiring(folder, board_approval_limit_cents=APPROVED_ABOVE_CENTS)
    try:
        with ThreadPoolExecutor(1) as pool:
            data = pool.submit(seed_board, w).result()
        under = BoardUnderTest(w)
        with served(under) as url:
            yield Site(under, data, url, browser)
    finally:
        w.close()


def board(browser: Browser, folder: Path, names: Sequence[str]) -> None:
    with seeded_board(browser, folder) as site:
        _lived_in(site)
        for shot in shots(site):
            for look in shot.looks if not names or shot.name in names else ():
                _take(site, shot, look)


def _lived_in(site: Site) -> None:
    """What people leave on a board in a day: kept briefs, a launch that starts, one that waits for approval, a log."""
    accounts, w, data = site.under.board.accounts, site.under.w, site.data
    prefect = FakePrefect().serves(site.under)
    prefect.knows(f"flow-{data.running[-10:]}", "RUNNING")
    for launch_id, run_id, name in (("one", STARTING, "campaign"), ("two", data.catalog, "catalog")):
        w.launches.begin(Launch(launch_id, "", run_id, f"{name}/{name}", {"params": {}}, "mara"))
        w.launches.started(launch_id, f"flow-{launch_id}")
    # the seed's manifest has a digest that nobody would believe
    with w.database.write() as connection:
        connection.execute(publications.update().values(manifest_key=f"manifests/{sha256(b'shown').hexdigest()}.json"))
    prefect.knows("flow-one", "SCHEDULED")
    prefect.knows("flow-two", "COMPLETED")
    for user_id, roles in PEOPLE.items():
        accounts.set_roles(user_id, roles)
        site.under.board.audits.add("ada", "roles.changed", user_id, address="10.0.0.7", now=sorted(roles))
    for kind, title in (("brief", "First frost, candles"), ("template", "Table by a window"), ("template", "Flat lay")):
        w.saved_briefs.save(f"kept-{title[:5].lower().strip()}", kind, title, BRIEF, "mara")
    page = site.page(Role.CREATOR, user_id="jonas")
    page.goto("/launch")
    _brief(page, "Ask for approval")
    page.get_by_role("button", name="Ask for approval").click()
    page.wait_for_url(lambda url: not url.endswith("/launch"))
    page.context.close()


def _take(site: Site, shot: Shot, look: str) -> None:
    context: dict[str, Any] = {"viewport": PHONE if look == "phone" else DESK, "reduced_motion": "reduce"}
    context |= {"color_scheme": "dark" if look == "dark" else "light"}
    if shot.who:
        window = site.signed_in(Role.ADMIN, user_id=shot.who, **context)
    else:
        window = site.browser.new_context(base_url=site.url, **context)
    window.set_default_timeout(WAITS_MS)
    page = window.new_page()
    page.goto(shot.path)
    if shot.act:
        shot.act(page)
    page.wait_for_timeout(SETTLES_MS)
    if shot.whole:
        _whole(page)
    page.wait_for_function(SEEN_ARE_THERE)
    _save(page.screenshot(), f"board-{shot.name}{'' if look == 'light' else '-' + look}", photos=shot.photos)
    window.close()


def _whole(page: Page) -> None:
    """A window as high as the page, so that pictures further down are loaded too."""
    page.evaluate("scrollTo(0, 0)")
    size = page.viewport_size or DESK
    height = min(MAX_HEIGHT_PX, int(page.evaluate("document.documentElement.scrollHeight")))
    page.set_viewport_size({"width": size["width"], "height": max(height, size["height"])})
    page.wait_for_timeout(SETTLES_MS)


def _few_colours(picture: Image.Image) -> Image.Image:
    """The most frequent colours stay exactly what they are, so that a ground is no other grey in each picture."""
    parts = np.asarray(picture).astype(int)
    codes, which, counts = np.unique(parts @ [65_536, 256, 1], return_inverse=True, return_counts=True)
    colours = np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=1)
    kept = colours[np.argsort(-counts)[:COLOURS]]
    nearest = np.array([np.abs(kept - colour).sum(axis=1).argmin() for colour in colours], np.uint8)
    made = Image.fromarray(nearest[which].reshape(parts.shape[:2]))
    made.putpalette(kept.astype(np.uint8).tobytes())
    return made


def _save(png: bytes, name: str, *, photos: bool) -> None:
    """JPEG where photos carry the page, else a PNG of few colours; never above MAX_BYTES."""
    picture, out = Image.open(io.BytesIO(png)).convert("RGB"), io.BytesIO()
    if not photos:
        _few_colours(picture).save(out, "PNG", optimize=True)
    for quality in QUALITIES if photos else ():
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=quality, optimize=True, progressive=True)
        if out.tell() <= MAX_BYTES:
            break
    if out.tell() > MAX_BYTES:
        raise SystemExit(f"{name} takes {out.tell():,} bytes; at most {MAX_BYTES:,} are kept")
    path = IMAGES / f"{name}.{'jpg' if photos else 'png'}"
    path.write_bytes(out.getvalue())
    print(f"{path.relative_to(ROOT)}  {picture.width} × {picture.height}  {out.tell() / 1000:.0f} kB", flush=True)


# -- Prefect's pages ---------------------------------------------------------------------------------------


def prefect(browser: Browser, folder: Path) -> None:
    """The four forms, and what a campaign leaves behind."""
    with draftline_up(folder, speed=100) as stack:
        forms = {one["name"]: one["id"] for one in stack.prefect("/deployments/filter", {})}
        started = stack.prefect(f"/deployments/{forms['campaign']}/create_flow_run", {"parameters": {"params": BRIEF}})
        pages = PrefectPages(browser.new_page(), stack.url("prefect"))
        for name, deployment_id in forms.items():
            pages.form(deployment_id)
            _save(pages.picture(), f"form-{name}", photos=False)
        stack.ended("campaign")
        asked = {"artifacts": {"flow_run_id": {"any_": [started["id"]]}}}
        for one in stack.prefect("/artifacts/filter", asked):
            if one["key"] in ("quote", "contact-sheet", "bill"):
                pages.artifact(one["id"])
                _save(pages.picture(), f"{one['key']}-artifact", photos=one["key"] == "contact-sheet")


def main(arguments: Sequence[str]) -> None:
    what, names = (arguments[0] if arguments else "all"), arguments[1:]
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="draftline-screenshots-") as folder, chromium() as browser:
        if what in ("all", "board"):
            board(browser, Path(folder), names)
        if what in ("all", "prefect"):
            prefect(browser, Path(folder) / "up")
    print(f"{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
