#!/usr/bin/env bash
# Whether the lowest versions that pyproject.toml allows still work, as the job "lowest" of CI does:
#
#     tests/benchmarks/lowest_versions.sh [PYTEST-ARGUMENTS...]
#
# Installs them into a new environment (5 GB of disk while it runs, some minutes of network), prints what
# differs from the newest allowed, and runs the tests that are quick. With arguments those go to pytest instead
# of `-m "not slow"`. PYTHON chooses the Python, python3.11 if there is one; UV the uv. Exit code 1 where a test
# fails, 2 where nothing can be installed.
set -euo pipefail
cd "$(dirname "$0")/../.."

python=${PYTHON:-$(command -v python3.11 || command -v python3)}
place=$(mktemp -d -t formreader-lowest-XXXXXX)
trap 'rm -rf "$place"' EXIT

uv=${UV:-$(command -v uv || true)}
if [ -z "$uv" ]; then
    "$python" -m venv "$place/uv" && "$place/uv/bin/pip" install --quiet uv
    uv=$place/uv/bin/uv
fi

"$uv" venv --quiet --python "$python" "$place/venv"
"$uv" pip compile --quiet pyproject.toml --extra test --resolution lowest-direct --only-binary :all: \
    --python "$place/venv/bin/python" --output-file "$place/lowest.txt" || exit 2
"$uv" pip install --quiet --python "$place/venv/bin/python" --requirement "$place/lowest.txt" || exit 2
"$uv" pip install --quiet --python "$place/venv/bin/python" --no-deps . || exit 2
grep -v '^ *#' "$place/lowest.txt"

# Here old packages meet new ones and warn of them; that is no fault of formreader's.
[ $# -gt 0 ] || set -- -m "not slow"
"$place/venv/bin/python" -m pytest -W default -p no:cacheprovider "$@"
