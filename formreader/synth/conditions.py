"""The kinds of scans, and random scans of each kind."""

from __future__ import annotations

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


def sample_scan(kind: Kind, rng: np.random.Generator) -> Scan:
    """A random scan of this kind."""
    noise, jpeg = float(rng.uniform(0.8, 2.5)), int(rng.integers(70, 95))
    skew = float(rng.uniform(-0.4, 0.4))
    if kind == "clean":
        return Scan(noise=min(noise, 1.5))
    return replace(Scan(skew=skew, noise=noise, blur=0.5), **_changes(kind, rng, jpeg))


def _changes(kind: Kind, rng: np.random.Generator, jpeg: int) -> Changes:
    """What sets a kind apart from an ordinary scan; `jpeg` is an ordinary JPEG quality."""
    match kind:
        case "skew":
            return {"skew": float(rng.choice([-1, 1]) * rng.uniform(1, 5))}
        case "fax":
            return {"skew": float(rng.uniform(-1.2, 1.2)), "fax": True, "noise": 9, "dirt": 0.15,
                    "blur": 0.7}  # fmt: skip
        case "faint":
            return {"contrast": float(rng.uniform(0.5, 0.8))}
        case "noisy":
            return {
                "skew": float(rng.uniform(-1.5, 1.5)), "noise": float(rng.uniform(5, 12)),
                "dirt": float(rng.uniform(0.3, 1)), "streaks": float(rng.uniform(0, 1)),
                "edges": float(rng.uniform(0, 1)), "holes": float(rng.integers(2)),
                "folds": float(rng.uniform(0, 1)), "blur": 0.6, "jpeg": jpeg,
            }  # fmt: skip
        case "bleed":
            return {"bleed": float(rng.uniform(0.1, 0.3))}
        case "watermark":
            return {"watermark": float(rng.uniform(0.1, 0.22)), "jpeg": jpeg}
        case "turned":
            return {"quarters": int(rng.integers(1, 4))}
        case "lowjpeg":
            return {"blur": 0.7, "jpeg": int(rng.integers(12, 35)), "grey": False}
        case "steep":
            return {"skew": float(rng.choice([-1, 1]) * rng.uniform(5, 10)), "jpeg": jpeg}
        case "curl":
            return _photo(rng, jpeg) | {
                "bend": float(rng.choice([-1, 1]) * rng.uniform(0.008, 0.03)),
                "curl": float(rng.choice([-1, 1]) * rng.uniform(0.1, 0.5)),
                "paper": (232, 226, 212) if rng.random() < 0.4 else (253, 253, 251),
                "through": float(rng.uniform(0.03, 0.09)) if rng.random() < 0.3 else 0.0,
            }
        case "desk":
            return _photo(rng, jpeg) | {
                "desk": True,
                "skew": float(rng.uniform(-9, 9)),
                "tilt": float(rng.uniform(0.02, 0.11)),
                "strips": float(rng.uniform(0.1, 0.45)) if rng.random() < 0.5 else 0.0,
                "jpeg": int(rng.integers(35, 90)),
            }
        case "broken":
            # One page in four comes out too dark instead of too pale.
            kept = 1.0 if rng.random() < 0.25 else float(rng.uniform(0.4, 0.85))
            return {"kept": kept, "skew": float(rng.uniform(-1.5, 1.5)), "dirt": 0.15, "noise": 4.0}
        case "dither":
            return {"dither": int(rng.choice([2, 4, 8])), "skew": float(rng.uniform(-1.5, 1.5)),
                    "contrast": float(rng.uniform(0.8, 1.0))}  # fmt: skip
        case "lowres":
            return {"detail": float(rng.uniform(0.5, 0.85)), "jpeg": int(rng.integers(40, 90))}
        case "motion":
            return {"motion": float(rng.uniform(1.5, 5.0)), "skew": float(rng.uniform(-2, 2)),
                    "grey": False}  # fmt: skip
        case "stained":
            return {
                "stains": float(rng.uniform(0.2, 1)), "folds": float(rng.uniform(0, 1)),
                "holes": float(rng.integers(2)), "grey": bool(rng.random() < 0.5), "jpeg": jpeg,
            }  # fmt: skip
        case "colour" | "pencil":
            return {
                "paper": _PAPER_COLOURS[int(rng.integers(len(_PAPER_COLOURS)))],
                "jpeg": jpeg,
                "grey": False,
            }
        case "combined":
            return _combined(rng, jpeg)
    return _photo(rng, jpeg)


def _photo(rng: np.random.Generator, jpeg: int) -> Changes:
    return {
        "skew": float(rng.uniform(-3, 3)), "photo": True, "tilt": float(rng.uniform(0.01, 0.06)),
        "bend": float(rng.uniform(-0.012, 0.012)), "shade": float(rng.uniform(0.25, 0.6)),
        "blur": float(rng.uniform(0.5, 1.1)), "noise": float(rng.uniform(2, 6)), "jpeg": jpeg,
        "grey": False,
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
