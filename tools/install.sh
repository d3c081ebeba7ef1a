#!/usr/bin/env bash
# Install a lock file, with hashes, into .venv. uv when it can be had (seconds), else pip (about a minute).
set -euo pipefail
cd "$(dirname "$0")/.."
lock="$1"
python="${PYTHON:-python3}"

say() { printf '\033[2m%s\033[0m\n' "$*"; }
fail() { printf '\ndraftline: %s\n' "$*" >&2; exit 1; }

"$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null || {
  for candidate in python3.12 python3.13 python3.11; do
    if command -v "$candidate" >/dev/null && "$candidate" -c 'import venv' 2>/dev/null; then found="$candidate"; break; fi
  done
  [ -n "${found:-}" ] || fail "Python 3.11, 3.12 or 3.13 is needed; '$python' is $("$python" --version 2>&1 || echo missing).
Install one (Debian: apt-get install python3 python3-venv) or name it: make demo PYTHON=/path/to/python3.12"
  python="$found"
}
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
  fail "this Python has no venv module. Debian: apt-get install python3-venv; or name another: make demo PYTHON=..."

if [ ! -x .venv/bin/python ]; then
  say "making .venv with $("$python" --version)"
  "$python" -m venv .venv
fi

say "installing $(grep -c '==' "$lock") locked packages from $lock, hashes checked"
quiet=(--quiet --disable-pip-version-check)
if .venv/bin/pip install "${quiet[@]}" --require-hashes --no-deps -r tools/uv.lock >/dev/null 2>&1 &&
   .venv/bin/uv pip install --quiet --python .venv/bin/python --require-hashes -r "$lock" 2>.venv/uv.log; then
  :
else
  say "uv could not do it here (see .venv/uv.log); pip takes about a minute"
  .venv/bin/pip install "${quiet[@]}" --require-hashes --no-deps -r "$lock" ||
    fail "the locked packages could not be installed. Is a package index reachable from here? pip's words are above."
fi
# The checkout itself: its rooms on the path, and the draftline command.
site="$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
pwd > "$site/draftline-checkout.pth"
cat > .venv/bin/draftline <<SCRIPT
#!$(pwd)/.venv/bin/python
from draftline.main import main
main()
SCRIPT
chmod +x .venv/bin/draftline
