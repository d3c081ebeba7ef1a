#!/usr/bin/env bash
# The whole proof. What is skipped is named at the end with its reason, and so is what passed only at a second look.
set -euo pipefail
cd "$(dirname "$0")/.."
started=$(date +%s)
report=$(mktemp)
trap 'rm -f "$report"' EXIT
tools/browser.sh
tools/check.sh
printf '\n\033[1m== every test, with real servers\033[0m\n'
# two at a time, a file in one process: much of the proof waits for servers (TEST_PROCESSES=0: one after the other)
.venv/bin/python -m pytest tests -n "${TEST_PROCESSES:-2}" --dist loadfile --no-loadscope-reorder -rs --durations=15 \
    --junitxml="$report" -o junit_family=xunit1 "$@" || .venv/bin/python tools/second_look.py "$report"
printf 'the proof took %s s\n' "$(($(date +%s) - started))"
