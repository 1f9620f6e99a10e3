"""Draw printed forms filled in by hand, and write what their places hold.

PYTHONPATH=.:references python -m written_places --data DATA --pages 2000 --seed 41 --out PLACES.npz
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from written_places.cut_places import CutPlaces, cut_places
from written_places.pages import draw, prepare


def _cut(seed: list[int]) -> CutPlaces:
    page, rng = draw(seed)
    return cut_places(page, rng)


def main() -> None:
    """Read the options, draw and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="printed forms and sets of digits")
    parser.add_argument("--pages", type=int, default=2000, help="pages to draw")
    parser.add_argument("--seed", type=int, default=41, help="seed of all random choices")
    parser.add_argument("--out", type=Path, required=True, help=".npz to write")
    options = parser.parse_args()
    seeds = [[options.seed, i, 35] for i in range(options.pages)]
    with ProcessPoolExecutor(initializer=prepare, initargs=(options.data,)) as pool:
        cut = list(pool.map(_cut, seeds, chunksize=4))
    strips = [strip for page in cut for strip in page.strips]
    np.savez_compressed(
        options.out,
        scanned_crops=np.concatenate([page.crops for page in cut]),
        labels=np.concatenate([page.labels for page in cut]),
        strips=np.concatenate(strips, axis=1),
        widths=np.array([strip.shape[1] for strip in strips]),
        targets=np.array([target for page in cut for target in page.targets]),
    )
    print(f"{sum(len(page.labels) for page in cut)} crops, {len(strips)} strips")


if __name__ == "__main__":
    main()
