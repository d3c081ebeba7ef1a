#!/usr/bin/env bash
# Proof that our default backend (onnxruntime) and the official Real-ESRGAN package make the same picture from the
# same weights, on CPU torch. Makes .venv-realesrgan beside the project's own .venv (about 1.6 GB), which it never
# touches; a second run uses it again as long as the requirement files here are unchanged.
#
# usage: deployments/realesrgan/prove.sh [pytest arguments]
# PYTHON=python3.12 chooses the interpreter: 3.11 or 3.12 (basicsr 1.4.2 does not build on 3.13).
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../.." && pwd)"
venv="$root/.venv-realesrgan"
stamp="$venv/.draftline-requirements"

wanted() {
    cat "$here"/{torch,runtime,official,basicsr,constraints}.txt | sha256sum | cut -d' ' -f1
}

choose_python() {
    local candidate
    for candidate in ${PYTHON:-python3.11 python3.12 python3}; do
        command -v "$candidate" >/dev/null || continue
        "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' || continue
        echo "$candidate" && return
    done
    echo "prove.sh: no Python 3.11 or 3.12 found; the official package cannot be built on others. Set PYTHON=..." >&2
    return 1
}

explain_torch() {
    cat >&2 <<'TEXT'
prove.sh: making .venv-realesrgan, with torch 2.13.0 from a plain `pip install`. On Linux without further settings that
may be the CUDA build, several GB; it works too, only larger. For the CPU build, hand pip the CPU wheel beforehand:
download `torch-2.13.0+cpu` for your Python as "Get started" on pytorch.org shows, put it in a folder, and run this with
PIP_FIND_LINKS=/that/folder. pip then prefers the `+cpu` file by itself.
TEXT
}

install() {
    local python pip
    python="$(choose_python)"
    explain_torch
    rm -rf "$venv"
    "$python" -m venv "$venv"
    pip=("$venv/bin/python" -m pip --disable-pip-version-check -qq install -c "$here/constraints.txt")
    "${pip[@]}" -r "$here/torch.txt"
    "${pip[@]}" -r "$here/runtime.txt"
    "${pip[@]}" --no-deps -r "$here/official.txt"
    "${pip[@]}" --no-deps --use-pep517 --no-build-isolation -r "$here/basicsr.txt"
    wanted >"$stamp"
}

if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(wanted)" ]; then
    echo "prove.sh: using $venv again"
else
    install
fi

cd "$root"
export DRAFTLINE_REALESRGAN_PROOF=1 # a test that cannot run fails
exec "$venv/bin/python" -m pytest tests/realesrgan -m realesrgan -s "$@"
