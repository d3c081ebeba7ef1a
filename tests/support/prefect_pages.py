"""Prefect's own pages, worked as a marketer works them: forms of the deployments, artifacts, what a run said."""

from playwright.sync_api import Locator, Page

WIDTH_PX, MAX_HEIGHT_PX = 1_000, 4_000
SETTLES_MS = 400
MAX_ROUNDS = 6
# Its panes scroll inside the window; a picture of all of one needs a window as high as what is inside.
INNER_HEIGHT = "document.querySelector('.app-router-view').scrollHeight"


class PrefectPages:
    """`page` is a window on the server at `url`."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url

    def form(self, deployment_id: str) -> None:
        self.page.goto(f"{self.url}/deployments/deployment/{deployment_id}/run")
        self._submit().wait_for()

    def titles(self) -> list[str]:
        """Of the fields that stand in the form, as they are read."""
        return [
            text.split("\n")[0].strip() for text in self.page.locator(".schema-form-property__label").all_inner_texts()
        ]

    def field(self, title: str) -> Locator:
        """The innermost field with this title. Its label is not tied to its control, so roles do not find it."""
        return self.page.locator(".schema-form-property", has=self.page.get_by_text(title, exact=True)).last

    def fill(self, title: str, text: str) -> None:
        self.field(title).locator("textarea, input").last.fill(text)

    def add(self, title: str, text: str) -> None:
        """One more item of a list."""
        self.field(title).get_by_role("button", name="Add item").click()
        self.fill(title, text)

    def choose(self, title: str, option: str) -> None:
        self.field(title).get_by_role("button").last.press("ArrowDown")
        self.page.get_by_role("option", name=option, exact=True).click()

    def submit(self) -> None:
        self._submit().click()
        self.page.wait_for_url(lambda url: not url.endswith("/run"))

    def artifact(self, artifact_id: str) -> None:
        self.page.goto(f"{self.url}/artifacts/artifact/{artifact_id}")
        self.page.get_by_role("heading", level=1).or_(self.page.locator(".markdown-renderer h1")).first.wait_for()

    def flow_run(self, flow_run_id: str) -> None:
        self.page.goto(f"{self.url}/runs/flow-run/{flow_run_id}")

    def thumbnails_px(self) -> list[int]:
        """Widths of the pictures on the page, as decoded; 0 for one that is broken."""
        return list(self.page.evaluate("[...document.querySelectorAll('main img, #app img')].map(i => i.naturalWidth)"))

    def picture(self) -> bytes:
        """All of the page, however far down it goes."""
        height_px = 600
        for _ in range(MAX_ROUNDS):  # pictures further down are loaded only when they come into sight
            self.page.set_viewport_size({"width": WIDTH_PX, "height": height_px})
            self.page.wait_for_timeout(SETTLES_MS)
            inside_px = min(MAX_HEIGHT_PX, int(self.page.evaluate(INNER_HEIGHT)))
            if inside_px <= height_px:
                break
            height_px = inside_px
        return self.page.screenshot()

    def _submit(self) -> Locator:
        return self.page.get_by_role("button", name="Submit", exact=True)
