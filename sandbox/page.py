"""The one human page of the sandbox: what it serves, what runs, what was billed. HTML from values, no logic."""

from html import escape

from sandbox.clock import iso
from sandbox.invoice import invoice
from sandbox.world import World

SHOWN_LINES = 20
STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;color:#1c1f23}"
    "table{border-collapse:collapse;width:100%;margin:.5rem 0 2rem}td,th{padding:.3rem .6rem;text-align:left;"
    "border-bottom:1px solid #dfe3e8}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}"
    "h1{font-size:1.5rem}h2{font-size:1.1rem}.big{font-size:2rem;font-weight:600}code{font-size:.9em}"
    ".shots{display:flex;flex-wrap:wrap;gap:.6rem}.shots img{height:9rem;border-radius:4px;display:block}"
)


def render(world: World) -> str:
    bill = invoice(world)
    lines = bill["lines"][-SHOWN_LINES:][::-1]
    active = world.store.active_tasks(world.clock.now_s())
    sections = [
        f"<h1>Sandbox of image vendors</h1><p>Speaks the wires of Black Forest Labs (<code>/bfl</code>) "
        f"and Google Gemini (<code>/google</code>) at {world.options.speed:g} times their speed. "
        "No picture here is real, no cent is spent.</p>",
        f'<h2>Invoice</h2><p class="big">{_dollars(bill["total_micros"])}</p><p>{len(bill["lines"])} lines, '
        f'{bill["images"]} pictures, {bill["duplicates"]} paid twice · <a href="/_sandbox/invoice">JSON</a> · '
        f'<a href="/_sandbox/invoice.csv">CSV</a></p>',
        _table(
            ("Line", "When (UTC)", "Model", "Price", "Delivered", "Picture"),
            [_line_row(line) for line in lines],
            f"The last {SHOWN_LINES} lines",
        ),
        f'<div class="shots">{"".join(_shot(line["n"]) for line in lines if line["image"])}</div>',
        _table(
            ("Task", "Model", "Since", "Ends as"),
            [tuple(map(escape, (t.id, t.model, iso(t.submitted_s), t.outcome))) for t in active],
            f"Active tasks: {len(active)} of {world.bfl_active_task_limit}",
        ),
        _table(("Model", "Served", "Price"), _model_rows(world), "Models"),
    ]
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Sandbox</title><style>{STYLE}</style>'
    return head + "".join(sections) + "</html>"


def _line_row(line: dict[str, object]) -> tuple[str, ...]:
    picture = f'<a href="/_sandbox/picture/{line["n"]}">picture</a>' if line["image"] else "none"
    when = escape(str(line["at"])[:19].replace("T", " "))
    price = _dollars(int(str(line["micros"])))
    return (str(line["n"]), when, escape(str(line["model"])), price, "yes" if line["delivered"] else "no", picture)


def _shot(number: int) -> str:
    address = f"/_sandbox/picture/{number}"
    return f'<a href="{address}"><img loading="lazy" src="{address}" alt="picture of line {number}"></a>'


def _model_rows(world: World) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for bfl in world.catalogue.bfl.values():
        price = f"{_dollars(bfl.first_micros)} first MP, {_dollars(bfl.further_micros)} each further and input MP"
        rows.append((escape(bfl.id), "yes" if world.serves(bfl.id) else "no", price))
    for google in world.catalogue.google.values():
        by_size = google.image_tokens.items()
        price = ", ".join(f"{size} {_dollars(n * google.rate_image_out_nanos // 1000)}" for size, n in by_size)
        note = f" (retires {google.retires_on})" if google.retires_on else ""
        rows.append(
            (escape(google.id), ("yes" if world.serves(google.id) else "no") + note, price + ", thinking extra")
        )
    return rows


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]], title: str) -> str:
    """Cells are HTML already."""
    if not rows:
        return f"<h2>{title}</h2><p>None.</p>"
    head = "".join(f"<th>{name}</th>" for name in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<h2>{title}</h2><table><tr>{head}</tr>{body}</table>"


def _dollars(micros: int) -> str:
    """$0.0336, $0.10, $1,234.50: at least two decimals, at most six."""
    whole, part = divmod(micros, 1_000_000)
    return f"${whole:,}.{f'{part:06d}'.rstrip('0'):0<2}"
