"""Who pays for a call: the columns that finance asks by, and what needs no new money. No stage and no vendor here."""

from collections.abc import Mapping
from typing import Any

from budget.quote import DEPLOYMENT, RUN
from domain.attempt import OPEN_STATES, Dimensions, State
from domain.run import Asset, Run
from wiring import Wiring

COST_CENTRE = "cost centre"


def dimensions(
    run: Run, asset: Asset | None, w: Wiring, plan: Mapping[str, Any] | None = None, stage: str = ""
) -> Dimensions:
    """By what finance asks, for one call (or, without an asset, for the run as a whole)."""
    return Dimensions(
        run_id=run.run_id,
        flow=run.flow,
        deployment=w.settings.deployment,
        campaign=run.name,
        cost_centre=str(run.plan.get("cost_centre") or w.settings.cost_centre),
        asset_key=asset.asset_key if asset else "",
        sku=asset.sku if asset else "",
        stage=stage,
        tier=stage,
        vendor=plan["vendor"] if plan else "",
        role=plan["role"] if plan else "",
        model_id=plan["model_id"] if plan else "",
    )


def whose(run: Run, w: Wiring) -> dict[str, str]:
    """What a quote names of all this, in words: which caps its plan falls under, and which run it is an approval for.

    Role, vendor, model, tier and SKU are in its lines.
    """
    by = dimensions(run, None, w)
    return {
        RUN: by.run_id,
        "flow": by.flow,
        DEPLOYMENT: by.deployment,
        "campaign": by.campaign,
        COST_CENTRE: by.cost_centre,
        "catalog": str(run.plan.get("catalog", "")),
        "choice of drafts": run.select_mode,
    }


def needs_no_hold(w: Wiring, vendor: str, state: State) -> bool:
    """Whether unfinished work goes on with the money that is held for it (in doubt: is not sent again at all)."""
    return state in OPEN_STATES or (state == "in_doubt" and not w.settings.resends(vendor))
