#!/usr/bin/env bash
# Resolve the lock files anew: hashes on, no index addresses inside.
set -euo pipefail
cd "$(dirname "$0")/.."
export UV_CUSTOM_COMPILE_COMMAND="make lock"
uv=(.venv/bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url "$@")
"${uv[@]}" --extra demo --output-file requirements.lock pyproject.toml
"${uv[@]}" --extra demo --extra dev --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml
echo "uv==$(.venv/bin/uv --version | cut -d' ' -f2)" | "${uv[@]}" --output-file tools/uv.lock -
