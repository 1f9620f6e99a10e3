"""Render pages and straighten them, with their true boxes, as the finder gets pages."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import cv2
import numpy as np

from box_network.page_pieces import TrainingPage
from formreader.core.geometry import map_points, quarters_to_upright
from formreader.core.image_pyramid import Pyramid
from formreader.core.records import GreyImage
from formreader.preprocess.straighten import straighten
from formreader.synth import RenderedPage, render_form, sample_spec
from formreader.synth.render import map_in_processes


def render_pages(
    first_seed: int,
    count: int,
    tell: Callable[[str], None],
    *,
    held_back: bool | None = False,
) -> list[TrainingPage]:
    """Render `count` random pages, one a seed, with a process for each core.

    With `held_back` they have the combinations of layout and scan that are kept for measuring, with
    None all there are.
    `tell` is called with a message as the work goes on.
    """
    render = partial(render_page, held_back=held_back)
    return map_in_processes(render, range(first_seed, first_seed + count), tell)


def render_page(seed: int, *, held_back: bool | None = False) -> TrainingPage:
    """Render one random page of the kinds that `sample_spec` draws."""
    spec = sample_spec(np.random.default_rng(seed), held_back=held_back)
    return training_page(render_form(seed, spec))


def training_page(page: RenderedPage) -> TrainingPage:
    """Turn a rendered page upright and straighten it, with its boxes and its number cells."""
    quads = np.array([box.corners for box in page.truth], np.float64).reshape(-1, 4, 2)
    straight = straighten(Pyramid(_grey(page)), quarters_to_upright(quads))
    to_image = np.asarray(np.linalg.inv(straight.to_page), np.float64)
    moved = map_points(to_image, quads.reshape(-1, 2)).reshape(-1, 4, 2).astype(np.float32)
    is_cell = np.array([box.is_number_cell for box in page.truth], np.bool_)
    return TrainingPage(straight.image, moved[~is_cell], moved[is_cell])


def _grey(page: RenderedPage) -> GreyImage:
    if page.image.ndim == 2:
        return page.image
    return np.asarray(cv2.cvtColor(page.image, cv2.COLOR_RGB2GRAY), np.uint8)
