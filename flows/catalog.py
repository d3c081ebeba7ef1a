"""A catalog run: a product feed to published pictures, for what changed since the last night."""

from pathlib import Path

from prefect import flow

from flows.line import Report, draft_to_final
from flows.params import CatalogParams
from tasks.opening import open_run
from tasks.wishes import catalog_wishes, style_of
from wiring import current


@flow(name="catalog")
async def catalog(params: CatalogParams) -> Report:
    """Feed and photos -> changed products -> drafts -> selection -> finals -> upscales -> renditions -> manifest."""
    wishes = await catalog_wishes(
        current(),
        Path(params.feed),
        Path(params.photos) if params.photos else None,
        style_of(params.style),
        without_photo=params.without_photo,
        limit=params.limit,
    )
    opened = await open_run(wishes, params.options(), params.catalog, params.approved_quote)
    return await draft_to_final(opened)
