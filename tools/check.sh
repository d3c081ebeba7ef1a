#!/usr/bin/env bash
# Style, types, rooms, and that no file names a package registry.
set -euo pipefail
cd "$(dirname "$0")/.."
step() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
rooms=(draftline flows review tasks wiring vendors prompts budget imaging storage domain sandbox deployments)

step "ruff"
.venv/bin/ruff check .
.venv/bin/ruff format --check . --exclude docs
step "mypy --strict"
.venv/bin/mypy "${rooms[@]}"
step "rooms import downward only"
.venv/bin/lint-imports
step "no registry address in a tracked file"
if git grep -nIE 'files\.pythonhosted\.[o]rg|pypi\.[o]rg/simple|registry\.npmjs\.[o]rg|deb\.debian\.[o]rg'; then
  echo "take these addresses out" >&2
  exit 1
fi
