"""Rendered pages as the finder sees pages: straightened, with the truth moved along."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import cv2
import numpy as np

from formreader.forms.orientation import quarters_to_upright
from formreader.forms.straighten import map_points, straighten
from formreader.options import usable_cores
from formreader.training.boxes.pieces import TrainingPage
from formreader.training.render import RenderedPage, render_form, sample_spec
from formreader.types import GreyImage

_TOLD_EACH = 250
_PAGES_A_TASK = 8


def render_pages(
    first_seed: int, count: int, tell: Callable[[str], None], *, held_back: bool = False
) -> list[TrainingPage]:
    """`count` random pages, one a seed, rendered by as many processes as there are cores.

    `held_back` asks for combinations of layout and scan that are kept for measuring.
    `tell` hears how it goes.
    """
    render = partial(render_page, held_back=held_back)
    seeds = range(first_seed, first_seed + count)
    pages: list[TrainingPage] = []
    # Spawned: a fork would inherit the threads of TensorFlow, but not their work.
    with ProcessPoolExecutor(
        min(usable_cores(), count), get_context("spawn"), cv2.setNumThreads, (1,)
    ) as pool:
        for page in pool.map(render, seeds, chunksize=_PAGES_A_TASK):
            pages.append(page)
            if len(pages) % _TOLD_EACH == 0:
                tell(f"rendered {len(pages)} of {count} pages")
    return pages


def render_page(seed: int, *, held_back: bool = False) -> TrainingPage:
    """One random page of what `sample_spec` has."""
    spec = sample_spec(np.random.default_rng(seed), held_back=held_back)
    return training_page(render_form(seed, spec))


def training_page(page: RenderedPage) -> TrainingPage:
    """A rendered page upright and straightened, with its boxes for single digits."""
    quads = np.array([box.corners for box in page.truth if not box.is_open], np.float64)
    quads = quads.reshape(-1, 4, 2)
    straight = straighten(_grey(page), quarters_to_upright(quads))
    to_image = np.asarray(np.linalg.inv(straight.to_page), np.float64)
    moved = map_points(to_image, quads.reshape(-1, 2))
    return TrainingPage(straight.image, moved.reshape(-1, 4, 2).astype(np.float32))


def _grey(page: RenderedPage) -> GreyImage:
    if page.image.ndim == 2:
        return page.image
    return np.asarray(cv2.cvtColor(page.image, cv2.COLOR_RGB2GRAY), np.uint8)
