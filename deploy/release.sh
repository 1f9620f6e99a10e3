#!/usr/bin/env bash
# What a release hands out, into dist/: the wheel; for each kind of installation its requirements with pinned versions
# and SHA-256, and its SBOM (CycloneDX); the SHA-256 of all of them. Then it tries the wheel on the pinned versions.
#
#     deploy/release.sh        # from the repository's root, with uv on the PATH; it needs PyPI
#
# Users check and install it with:
#
#     sha256sum --check SHA256SUMS
#     pip install --require-hashes -r requirements-scan.txt && pip install --no-deps formreader-*.whl
set -euo pipefail
cd "$(dirname "$0")/.."

rm -rf dist
uv build --quiet --wheel --out-dir dist
for kind in scan serve all; do
    input=deploy/requirements-$kind.txt
    [ "$kind" = all ] && input=pyproject.toml
    # For each Python and system that formreader runs on.
    uv pip compile --quiet "$input" --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
        --output-file "dist/requirements-$kind.txt"
    uvx --quiet --from cyclonedx-bom cyclonedx-py requirements "dist/requirements-$kind.txt" --pyproject pyproject.toml \
        --output-reproducible --output-file "dist/sbom-$kind.json"
done

trial=$(mktemp -d)
trap 'rm -rf "$trial"' EXIT
uv venv --quiet "$trial"
uv pip install --quiet --python "$trial" --require-hashes -r dist/requirements-scan.txt
uv pip install --quiet --python "$trial" --no-deps dist/*.whl
"$trial/bin/formreader" scan samples --out "$trial/results.csv" --quiet

(cd dist && sha256sum -- * >SHA256SUMS)
ls dist
