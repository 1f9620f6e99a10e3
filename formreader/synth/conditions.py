"""The kinds of scans, and random scans of each kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from formreader.synth.paper_sheet import Colour
from formreader.synth.scanner import Scan

Kind: TypeAlias = Literal[
    "clean", "skew", "fax", "photo", "faint", "noisy", "colour", "bleed", "watermark", "turned",
    "lowjpeg", "steep", "curl", "desk", "broken", "dither", "lowres", "motion", "stained",
    "pencil", "combined",
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)
PALE_KINDS: frozenset[Kind] = frozenset({"faint", "pencil"})
"""On these the form was filled in with a pencil that was hardly pressed."""

_PAPER_COLOURS: tuple[Colour, ...] = (
    (252, 236, 170), (206, 232, 250), (214, 240, 204), (250, 214, 218), (240, 228, 205),
)  # fmt: skip
"""Colours of coloured paper."""

Changes: TypeAlias = dict[str, Any]
"""Fields of a `Scan` with their values."""

Sampler: TypeAlias = Callable[[np.random.Generator, int], Changes]
"""Draws the changes that set a kind apart from an ordinary scan; its second argument is an ordinary
JPEG quality."""


def sample_scan(kind: Kind, rng: np.random.Generator) -> Scan:
    """A random scan of this kind."""
    noise, jpeg = float(rng.uniform(0.8, 2.5)), int(rng.integers(70, 95))
    skew = float(rng.uniform(-0.4, 0.4))
    if kind == "clean":
        return Scan(noise=min(noise, 1.5))
    return replace(Scan(skew=skew, noise=noise, blur=0.5), **_SAMPLERS[kind](rng, jpeg))


def _skew(rng: np.random.Generator, jpeg: int) -> Changes:
    return {"skew": float(rng.choice([-1, 1]) * rng.uniform(1, 5))}


def _fax(rng: np.random.Generator, jpeg: int) -> Changes:
    return {"skew": float(rng.uniform(-1.2, 1.2)), "fax": True, "noise": 9, "dirt": 0.15,
            "blur": 0.7}  # fmt: skip


def _photo(rng: np.random.Generator, jpeg: int) -> Changes:
    return {
        "skew": float(rng.uniform(-3, 3)), "photo": True, "tilt": float(rng.uniform(0.01, 0.06)),
        "bend": float(rng.uniform(-0.012, 0.012)), "shade": float(rng.uniform(0.25, 0.6)),
        "blur": float(rng.uniform(0.5, 1.1)), "noise": float(rng.uniform(2, 6)), "jpeg": jpeg,
        "grey": False,
    }  # fmt: skip


def _faint(rng: np.random.Generator, jpeg: int) -> Changes:
    return {"contrast": float(rng.uniform(0.5, 0.8))}


def _noisy(rng: np.random.Generator, jpeg: int) -> Changes:
    return {
        "skew": float(rng.uniform(-1.5, 1.5)), "noise": float(rng.uniform(5, 12)),
        "dirt": float(rng.uniform(0.3, 1)), "streaks": float(rng.uniform(0, 1)),
        "edges": float(rng.uniform(0, 1)), "holes": float(rng.integers(2)),
        "folds": float(rng.uniform(0, 1)), "blur": 0.6, "jpeg": jpeg,
    }  # fmt: skip


def _colour(rng: np.random.Generator, jpeg: int) -> Changes:
    return {
        "paper": _PAPER_COLOURS[int(rng.integers(len(_PAPER_COLOURS)))],
        "jpeg": jpeg,
        "grey": False,
    }


def _bleed(rng: np.random.Generator, jpeg: int) -> Changes:
    return {"bleed": float(rng.uniform(0.1, 0.3))}


def _watermark(rng: np.random.Generator, jpeg: int) -> Changes:
    return {"watermark": float(rng.uniform(0.1, 0.22)), "jpeg": jpeg}


def _turned(rng: np.random.Generator, jpeg: int) -> Changes:
    return {"quarters": int(rng.integers(1, 4))}


def _lowjpeg(rng: np.random.Generator, jpeg: int) -> Changes:
    return {"blur": 0.7, "jpeg": int(rng.integers(12, 35)), "grey": False}


def _steep(rng: np.random.Generator, jpeg: int) -> Changes:
    return {"skew": float(rng.choice([-1, 1]) * rng.uniform(5, 10)), "jpeg": jpeg}


def _curl(rng: np.random.Generator, jpeg: int) -> Changes:
    return _photo(rng, jpeg) | {
        "bend": float(rng.choice([-1, 1]) * rng.uniform(0.008, 0.03)),
        "curl": float(rng.choice([-1, 1]) * rng.uniform(0.1, 0.5)),
        "paper": (232, 226, 212) if rng.random() < 0.4 else (253, 253, 251),
        "through": float(rng.uniform(0.03, 0.09)) if rng.random() < 0.3 else 0.0,
    }


def _desk(rng: np.random.Generator, jpeg: int) -> Changes:
    return _photo(rng, jpeg) | {
        "desk": True,
        "skew": float(rng.uniform(-9, 9)),
        "tilt": float(rng.uniform(0.02, 0.11)),
        "strips": float(rng.uniform(0.1, 0.45)) if rng.random() < 0.5 else 0.0,
        "jpeg": int(rng.integers(35, 90)),
    }


def _broken(rng: np.random.Generator, jpeg: int) -> Changes:
    # One page in four comes out too dark instead of too pale.
    kept = 1.0 if rng.random() < 0.25 else float(rng.uniform(0.4, 0.85))
    return {"kept": kept, "skew": float(rng.uniform(-1.5, 1.5)), "dirt": 0.15, "noise": 4.0}


def _dither(rng: np.random.Generator, jpeg: int) -> Changes:
    return {"dither": int(rng.choice([2, 4, 8])), "skew": float(rng.uniform(-1.5, 1.5)),
            "contrast": float(rng.uniform(0.8, 1.0))}  # fmt: skip


def _lowres(rng: np.random.Generator, jpeg: int) -> Changes:
    return {"detail": float(rng.uniform(0.5, 0.85)), "jpeg": int(rng.integers(40, 90))}


def _motion(rng: np.random.Generator, jpeg: int) -> Changes:
    return {"motion": float(rng.uniform(1.5, 5.0)), "skew": float(rng.uniform(-2, 2)),
            "grey": False}  # fmt: skip


def _stained(rng: np.random.Generator, jpeg: int) -> Changes:
    return {
        "stains": float(rng.uniform(0.2, 1)), "folds": float(rng.uniform(0, 1)),
        "holes": float(rng.integers(2)), "grey": bool(rng.random() < 0.5), "jpeg": jpeg,
    }  # fmt: skip


def _combined(rng: np.random.Generator, jpeg: int) -> Changes:
    """Two to five effects together, each milder than where it stands alone; some on photos."""
    changes = _photo(rng, jpeg) if rng.random() < 0.35 else {"grey": bool(rng.random() < 0.6)}
    mild = _mild(rng)
    for i in rng.choice(len(mild), int(rng.integers(2, 6)), replace=False).tolist():
        changes |= mild[i]
    return changes


def _mild(rng: np.random.Generator) -> list[Changes]:
    """The effects that `_combined` chooses from."""
    return [
        {"skew": float(rng.normal(0, 2))},
        {"paper": _PAPER_COLOURS[int(rng.integers(len(_PAPER_COLOURS)))], "grey": False},
        {"noise": float(rng.uniform(2, 7))},
        {"contrast": float(rng.uniform(0.65, 0.95))},
        {"dirt": float(rng.uniform(0.05, 0.5)), "streaks": float(rng.uniform(0, 0.6))},
        {"edges": float(rng.uniform(0, 1)), "holes": float(rng.integers(2))},
        {"folds": float(rng.uniform(0.2, 0.8)), "stains": float(rng.uniform(0.1, 0.5))},
        {"through": float(rng.uniform(0.03, 0.09))},
        {"watermark": float(rng.uniform(0.05, 0.15))},
        {"jpeg": int(rng.integers(30, 80))},
        {"blur": float(rng.uniform(0.5, 1.1))},
        {"motion": float(rng.uniform(1, 2.5))},
        {"detail": float(rng.uniform(0.65, 0.9))},
        {"strips": float(rng.uniform(0.1, 0.3)), "shade": float(rng.uniform(0.1, 0.4))},
        {"quarters": int(rng.integers(1, 4))},
    ]


_SAMPLERS: dict[Kind, Sampler] = {
    "skew": _skew, "fax": _fax, "photo": _photo, "faint": _faint, "noisy": _noisy,
    "colour": _colour, "bleed": _bleed, "watermark": _watermark, "turned": _turned,
    "lowjpeg": _lowjpeg, "steep": _steep, "curl": _curl, "desk": _desk, "broken": _broken,
    "dither": _dither, "lowres": _lowres, "motion": _motion, "stained": _stained,
    "pencil": _colour, "combined": _combined,
}  # fmt: skip
