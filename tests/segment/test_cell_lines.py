"""Lines and ink of many cells at once: as of each cell alone, and as OpenCV finds them."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from formreader.segment.cell_ink import cell_ink, cell_inks
from formreader.segment.cell_lines import PatchSizes, find_lines

Ink = npt.NDArray[np.uint8]


def patch_of(rng: np.random.Generator, height: int, width: int) -> tuple[Ink, int]:
    """A patch with noise, lines anywhere that may end anywhere, and its margin."""
    margin = round(0.2 * height)
    ink = (rng.random((height + 2 * margin, width + 2 * margin)) < rng.choice([0.02, 0.2, 0.5])) * 1
    for turned in (ink, ink.T):
        for _ in range(rng.integers(0, 5)):
            at, thick, start = rng.integers(0, (len(turned), 5, turned.shape[1]))
            turned[at : at + thick, start * rng.integers(0, 2) :] = 1
    return np.ascontiguousarray(ink, np.uint8), margin


def opened_along_edges(ink: Ink, margin: int) -> tuple[Ink, Ink]:
    """The lines of one cell, and the strokes across them, by OpenCV's own morphology."""
    height = len(ink) - 2 * margin
    reach = max(round(0.14 * height), 2)
    lines, strokes = np.zeros_like(ink), np.zeros_like(ink)
    for share in (0.9, 0.55):
        for edge in (margin, len(ink) - margin):
            near = slice(max(edge - reach, 0), edge + reach)
            begins = edge == margin
            outer = slice(0, near.stop) if begins else slice(near.start, len(ink))
            around = slice(max(outer.start - 2, 0), outer.stop + 2)
            row = np.ones((1, max(round(share * height), 3)), np.uint8)
            joined = cv2.dilate(ink[outer], np.ones((3, 1), np.uint8))
            runs = np.zeros_like(ink)
            runs[outer] = cv2.morphologyEx(joined, cv2.MORPH_OPEN, row)
            found = np.zeros_like(ink)
            found[near] = runs[near]
            # A line goes on outwards where it goes on without a gap.
            beyond = range(near.start - 1, -1, -1) if begins else range(near.stop, len(ink))
            for k in beyond:
                found[k] |= runs[k] & found[k + 1 if begins else k - 1]
            if share == 0.55:
                found = without_strokes(found, ink, margin)
            lines |= found
            if thick := int(lines[around].sum(axis=0).max()):
                block = np.ones((thick + 2, 3), np.uint8)
                beside = ink[around] & ~lines[around]
                closed = cv2.morphologyEx(beside, cv2.MORPH_CLOSE, block)
                strokes[around] |= np.asarray(closed, np.uint8) & lines[around] & ink[around]
        ink, lines, strokes = (np.ascontiguousarray(part.T) for part in (ink, lines, strokes))
    return lines, strokes


def without_strokes(found: Ink, ink: Ink, margin: int) -> Ink:
    """Lines, as rows, without those that are shorter than another beside them."""
    across = margin + max(round(0.14 * (ink.shape[1] - 2 * margin)), 2)
    some = (found & ink)[:, across : ink.shape[1] - across].any(axis=1)
    begins = [k for k in range(len(ink)) if some[k] and not (k and some[k - 1])]
    groups = [range(k, end) for k, end in pairwise([*begins, len(ink)])]
    inner = (found * some[:, None])[:, margin : found.shape[1] - margin]
    covered = [inner[group].any(axis=0).mean() for group in groups]
    for group, share in zip(groups, covered, strict=True):
        if share < 0.85 and max(covered) >= 0.95:
            found[group] = 0
    return found


@pytest.mark.parametrize(("line", "one", "kept"), [(1.0, 0.6, 0), (1.0, 1.0, 1), (0.8, 0.6, 1)])
def test_a_stroke_beside_a_whole_line_is_no_line(line: float, one: float, kept: int) -> None:
    """Such as a 1 that stands close to the line; beside a faded line it may be a piece of that."""
    margin, height = 12, 60
    ink = np.zeros((1, height + 2 * margin + 1, 120), np.uint8)
    ink[0, margin : margin + round(line * height), 100:102] = 1  # the cell's right line
    ink[0, margin + 3 : margin + 3 + round(one * height), 95:98] = 1
    sizes = PatchSizes(*(np.array([one]) for one in (height + 2 * margin, 113, margin)))
    (lines,), _ = find_lines(ink, sizes)
    assert lines[margin + 10, 100:102].all()
    assert lines[margin + 10, 95:98].all() == kept


@pytest.mark.parametrize("seed", range(20))
def test_lines_and_strokes_across_are_those_of_an_opening_and_a_closing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    side = rng.integers((48, 10), (100, 200))
    cells = [patch_of(rng, *(side + rng.integers(0, (6, 20)))) for _ in range(5)]
    shapes = np.array([ink.shape for ink, _ in cells])
    sizes = PatchSizes(*shapes.T, np.array([margin for _, margin in cells]))
    stack = np.zeros((len(cells), *(shapes.max(axis=0) + 1)), np.uint8)
    for place, (ink, _) in zip(stack, cells, strict=True):
        place[: ink.shape[0], : ink.shape[1]] = ink
    for (ink, margin), *found in zip(cells, *find_lines(stack, sizes), strict=True):
        expected = opened_along_edges(ink, margin)
        for one, own in zip(found, expected, strict=True):
            assert (one[: ink.shape[0], : ink.shape[1]] == own).all()
            assert one.sum() == own.sum()


def test_a_cell_among_many_has_the_ink_that_it_has_alone() -> None:
    rng = np.random.default_rng(3)
    cells = [patch_of(rng, height, width) for height in (52, 53, 90) for width in (60, 61, 240)]
    patches = [np.asarray(235 - 200 * ink + rng.integers(0, 9, ink.shape)) for ink, _ in cells]
    patches = [cv2.GaussianBlur(patch.astype(np.uint8), (3, 3), 0) for patch in patches]
    for patch, (_, margin), found in zip(
        patches, cells, cell_inks(patches, [margin for _, margin in cells]), strict=True
    ):
        alone = cell_ink(patch, margin)
        assert (found.ink == alone.ink).all()
        assert (found.written, found.loose_ink) == (alone.written, alone.loose_ink)
