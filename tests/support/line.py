"""The whole line in one process, small: a ladder of tiny pictures, briefs, a feed with photos, and what came out."""

import csv
import io
import json
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from budget.reports import list_attempts
from domain.attempt import Attempt
from domain.placement import Placement
from flows.params import CampaignParams, CatalogParams
from tests.support.sandbox_server import SandboxServer
from wiring import Settings, Silent, Wiring, build

SIDE_PX = 320
TINY_LADDER = """\
name: tiny
title: Tiny FLUX pictures, for tests
draft: {role: flux-klein-4b, megapixels: 0.06}
finals:
  - {when: always, role: flux-pro, megapixels: 0.06, why: tests are short}
"""
STYLE = """\
name: shop
setting: on a plain plinth
drafts: 2
placements:
  - {name: tile, width_px: 320, height_px: 320, formats: [jpeg, webp]}
"""
COLUMNS = ["Handle", "Title", "Body (HTML)", "Vendor", "Type", "Variant SKU", "Variant Price", "Image Src"]
COLOURS = {"red-mug": "firebrick", "blue-bowl": "royalblue", "green-vase": "seagreen"}


def line_wiring(folder: Path, sandbox_url: str, s3: dict[str, str], **settings: Any) -> Wiring:
    """A process's wiring on `folder`; a second one on the same folder is a later process."""
    ladders = folder / "ladders"
    ladders.mkdir(exist_ok=True)
    (ladders / "tiny.yaml").write_text(TINY_LADDER)
    values: dict[str, Any] = {
        "home": folder / "home",
        "sandbox_url": sandbox_url,
        "ladders": ladders,
        "upscale_backend": "lanczos",
        "s3_endpoint_url": s3["DRAFTLINE_S3_ENDPOINT_URL"],
        "s3_access_key": s3["DRAFTLINE_S3_ACCESS_KEY"],
        "s3_secret_key": s3["DRAFTLINE_S3_SECRET_KEY"],
        "s3_private_bucket": s3["DRAFTLINE_S3_PRIVATE_BUCKET"],
        "s3_public_bucket": s3["DRAFTLINE_S3_PUBLIC_BUCKET"],
    }
    return build(Settings(**values | settings), progress=Silent())


def s3_variables(w: Wiring) -> dict[str, str]:
    """The S3 settings of a wiring, for a second one on the same store."""
    s = w.settings
    return {
        "DRAFTLINE_S3_ENDPOINT_URL": s.s3_endpoint_url,
        "DRAFTLINE_S3_ACCESS_KEY": s.s3_access_key.get_secret_value(),
        "DRAFTLINE_S3_SECRET_KEY": s.s3_secret_key.get_secret_value(),
        "DRAFTLINE_S3_PRIVATE_BUCKET": s.s3_private_bucket,
        "DRAFTLINE_S3_PUBLIC_BUCKET": s.s3_public_bucket,
    }


class Line:
    """The wiring of this process, the sandbox, and helpers that a test reads well with."""

    def __init__(self, w: Wiring, sandbox: SandboxServer, folder: Path) -> None:
        self.w, self.sandbox, self.folder = w, sandbox, folder

    def campaign(self, name: str, **more: Any) -> CampaignParams:
        placement = Placement(name="tile", width_px=SIDE_PX, height_px=SIDE_PX, formats=("jpeg", "webp"))
        values: dict[str, Any] = {
            "name": name,
            "subject": f"a red kettle, {name}",
            "ladder": "tiny",
            "drafts": 2,
            "placements": [],
            "own_placements": [placement],
        }
        return CampaignParams.model_validate(values | more)

    def catalog(self, catalog: str, products: dict[str, str], *, style_text: str = STYLE, **more: Any) -> CatalogParams:
        """`products` maps handles to titles; handles in COLOURS have a photo."""
        photos, feed, style = self.folder / "photos", self.folder / "feed.csv", self.folder / "style.yaml"
        photos.mkdir(exist_ok=True)
        for handle in products:
            if handle in COLOURS:
                (photos / f"{handle}.png").write_bytes(photo(COLOURS[handle]))
        feed.write_text(shopify(products))
        style.write_text(style_text)
        values: dict[str, Any] = {
            "feed": str(feed),
            "photos": str(photos),
            "style": str(style),
            "catalog": catalog,
            "ladder": "tiny",
        }
        return CatalogParams.model_validate(values | more)

    def attempts(self) -> list[Attempt]:
        return list_attempts(self.w.database)

    def out(self, run_id: str) -> Path:
        return self.w.settings.home / "out" / run_id

    def manifest(self, s3_address: str) -> dict[str, Any]:
        """A published JSON object by its `s3://bucket/key`."""
        bucket, _, key = s3_address.removeprefix("s3://").partition("/")
        return dict(json.loads(self.w.store.get(bucket, key)))

    def published(self, report: dict[str, Any], name: str) -> dict[str, Any]:
        """The manifest of one SKU or brief, by the way a reader takes: snapshot, then manifest."""
        entry = self.manifest(report["snapshot"])["assets"][name]
        return self.manifest(f"s3://{self.w.store.public}/{entry['manifest']}")

    def lineage(self, run_id: str, asset_key: str) -> dict[str, Any]:
        return dict(json.loads((self.out(run_id) / f"{asset_key}-lineage.json").read_bytes()))


def shopify(products: dict[str, str]) -> str:
    """A Shopify product export; a title "" makes a row that no product can be read from."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS)
    writer.writeheader()
    for handle, title in products.items():
        sku = f"SKU-{handle}" if title else ""
        row = {"Handle": handle, "Title": title, "Type": "Tableware", "Variant SKU": sku, "Variant Price": "12.00"}
        writer.writerow({**dict.fromkeys(COLUMNS, ""), **row})
    return out.getvalue()


def photo(colour: str) -> bytes:
    """A product of one colour, cut out."""
    image = Image.new("RGBA", (300, 300), (0, 0, 0, 0))
    ImageDraw.Draw(image).rounded_rectangle((70, 50, 230, 260), 30, fill=colour)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
