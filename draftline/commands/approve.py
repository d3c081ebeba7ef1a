"""`draftline approve`: say yes to a quote by its hash, take it back, and see which stand."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from budget.approvals import Approval, Approvals, Offer
from domain.errors import InputError
from domain.money import show
from draftline import options as o
from draftline.console import out, print_json, table
from draftline.session import NOTHING, session

MAX_SHOWN = 50


def approve(
    quote_hash: Annotated[str, typer.Argument(help="As `draftline quote` printed it.")] = "",
    by: o.By = "",
    why: Annotated[str, typer.Option("--why", help="For what reason, for the record.")] = "",
    withdraw: Annotated[
        bool, typer.Option("--withdraw", help="Take it back: no run starts by it, none sends more.")
    ] = False,
    list_: Annotated[bool, typer.Option("--list", help="The newest quotes and their approvals.")] = False,
    as_json: o.Json = False,
) -> None:
    """Approve a quote. It binds: another price, model, count, brief, photo, cost centre or run has another hash.

    Examples:  draftline approve HASH --by Ada --why "spring campaign"

    draftline approve --list

    draftline approve HASH --withdraw --by Ada
    """
    if not quote_hash and not list_:
        raise InputError("name a quote's hash, or --list", where="draftline approve")
    with session(NOTHING, quiet=True) as w:
        approvals = Approvals(w.database, w.now)
        if list_:
            _show(approvals.offers(MAX_SHOWN), as_json=as_json)
        elif withdraw:
            approvals.withdraw(quote_hash, by)
            out.print(
                f"The approval of {quote_hash[:12]} is withdrawn: no run starts by it, and one under way sends no more."
            )
        else:
            _tell(approvals.approve(quote_hash, by, why), as_json=as_json)


def _tell(approval: Approval, *, as_json: bool) -> None:
    if as_json:
        print_json(asdict(approval))
        return
    when = f"{approval.at:%Y-%m-%d %H:%M} UTC"
    out.print(f"Approved by {approval.by} on {when}: at worst {show(approval.worst_micros)}.")
    out.print(f"Run it with:  --approved {approval.quote_hash}")


def _show(offers: list[tuple[Offer, Approval | None]], *, as_json: bool) -> None:
    if as_json:
        print_json([_as_dict(offer, approval) for offer, approval in offers])
        return
    rows = [
        (offer.name, show(offer.expected_micros), show(offer.worst_micros), _state(approval), offer.quote_hash)
        for offer, approval in offers
    ]
    table("Quotes", ("quote of", "expected", "worst", "approval", "hash"), rows)


def _as_dict(offer: Offer, approval: Approval | None) -> dict[str, Any]:
    kept = {name: value for name, value in asdict(offer).items() if name != "body"}
    return {**kept, "approval": asdict(approval) if approval else None}


def _state(approval: Approval | None) -> str:
    if approval is None:
        return "none"
    if approval.withdrawn_at is not None:
        return f"withdrawn by {approval.withdrawn_by}"
    return f"by {approval.by}, {approval.at:%Y-%m-%d %H:%M} UTC" + (f": {approval.why}" if approval.why else "")
