"""`python -m sandbox`: the command line of the sandbox. Arguments to options, nothing else."""

import argparse
import sys
from pathlib import Path

from sandbox.faults import FAULTS, FaultError
from sandbox.options import DEFAULT_BFL_CREDITS, DEFAULT_BFL_KEY, DEFAULT_GOOGLE_KEY, DEFAULT_SPEED, SandboxOptions
from sandbox.server import run

EXAMPLES = """examples:
  python -m sandbox --port 8765                          serve on http://127.0.0.1:8765, keep nothing
  python -m sandbox --port 0 --ready-file /tmp/address   any free port; its address is printed and written
  python -m sandbox --port 8765 --state .draftline/sandbox --speed 50
  python -m sandbox --port 8765 --rules faults.yaml      faults from the start

base addresses for clients:  http://HOST:PORT/bfl  for api.bfl.ai
                             http://HOST:PORT/google  for generativelanguage.googleapis.com
what it would have cost:     curl http://HOST:PORT/_sandbox/invoice
break something:             curl -X PUT http://HOST:PORT/_sandbox/rules -d
                               '[{"match":{"vendor":"bfl","model":"flux-2-pro","nth":2},"fault":"cut_after"}]'
or by a marker in a prompt:  a red kettle [[sandbox:fault=slow factor=5]]
or at random, repeatably:    curl -X POST http://HOST:PORT/_sandbox/chaos -d
                               '{"seed":7,"rates":{"submit":{"cut_after":0.02},"poll":{"cut_last_byte":0.02}}}'
change a price in mid-run:   curl -X POST http://HOST:PORT/_sandbox/prices -d '{"model":"flux-2-pro","factor":1.25}'
all of it is described in sandbox/README.md
faults: """


def main(arguments: list[str] | None = None) -> int:
    """0 after a normal stop, 2 for arguments that make no sense, 5 when the port or the state cannot be had."""
    parser = _parser()
    parsed = parser.parse_args(arguments)
    try:
        run(_options(parsed))
    except KeyboardInterrupt:
        return 0
    except (FaultError, OSError) as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 5
    except ValueError as error:
        parser.error(str(error))
    return 0


def _options(parsed: argparse.Namespace) -> SandboxOptions:
    return SandboxOptions(
        host=parsed.host,
        port=parsed.port,
        state_dir=parsed.state,
        speed=parsed.speed,
        ready_file=parsed.ready_file,
        bfl_key=parsed.bfl_key,
        google_key=parsed.google_key,
        rules_file=parsed.rules,
        bfl_credits=parsed.bfl_credits,
        retired=frozenset(parsed.retire),
        enforce_retirement=parsed.enforce_retirement,
        refuse_key_on_delivery=parsed.refuse_key_on_delivery,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox",
        description="The wires of Black Forest Labs and Google Gemini, with prices, limits, faults and an invoice.",
        epilog=EXAMPLES + ", ".join(FAULTS),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--port", type=int, required=True, metavar="N", help="port to listen on; 0 takes a free one")
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add("--state", type=Path, metavar="DIR", help="keep tasks, invoice and pictures here; without it, in memory")
    add(
        "--speed",
        type=float,
        default=DEFAULT_SPEED,
        metavar="X",
        help="divide real latencies by X (default: %(default)g)",
    )
    add("--ready-file", type=Path, metavar="PATH", help="write the address here, atomically, once it serves")
    add("--bfl-key", default=DEFAULT_BFL_KEY, metavar="KEY", help="the x-key it accepts (default: %(default)s)")
    add("--google-key", default=DEFAULT_GOOGLE_KEY, metavar="KEY", help="the x-goog-api-key it accepts (%(default)s)")
    add("--rules", type=Path, metavar="FILE.yaml", help="fault rules: a list of {match: {...}, fault: name}")
    add(
        "--bfl-credits",
        type=int,
        default=DEFAULT_BFL_CREDITS,
        metavar="N",
        help="prepaid credits (default: %(default)s)",
    )
    add("--retire", action="append", default=[], metavar="MODEL", help="answer this id as retired; may be repeated")
    add("--enforce-retirement", action="store_true", help="also retire what the catalogue's dates say")
    add("--refuse-key-on-delivery", action="store_true", help="400 for a picture download that carries x-key")
    return parser


if __name__ == "__main__":
    sys.exit(main())
