#!/usr/bin/env bash
# A real browser for the board's tests: Debian's chromium, installed where it is missing and we may.
set -euo pipefail
found() { command -v chromium || command -v chromium-browser || command -v google-chrome; }
if found >/dev/null; then exit 0; fi
printf '\033[2mno chromium on this machine: installing Debian'"'"'s package for the browser tests\033[0m\n'
if [ "$(id -u)" = 0 ]; then as_root=(); elif command -v sudo >/dev/null; then as_root=(sudo -n); else as_root=(false); fi
if ! command -v apt-get >/dev/null ||
  ! { "${as_root[@]}" apt-get install -y --no-install-recommends chromium ||
    { "${as_root[@]}" apt-get update && "${as_root[@]}" apt-get install -y --no-install-recommends chromium; }; } \
    >/tmp/draftline-chromium.log 2>&1; then
  echo "chromium could not be installed (see /tmp/draftline-chromium.log): the browser tests will be skipped by name."
  echo "Install it by hand (Debian: apt-get install chromium; others: a package called chromium) and run make test again."
fi
