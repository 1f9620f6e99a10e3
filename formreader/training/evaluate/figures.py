"""Pictures of a network's performance: its curves, confusions, mistakes, risk and coverage.

They use Matplotlib without `pyplot`, which would look for a screen and keep figures in memory.
All pictures are dark on white, so that they can be printed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from formreader.core.classes import NOT_A_DIGIT
from formreader.core.errors import OutputError
from formreader.core.options import ScanOptions
from formreader.output.atomic_writing import atomic_stream, check_writable
from formreader.recognise.model_card import CalibrationRow
from formreader.training.data.examples import Examples

if TYPE_CHECKING:
    from formreader.training.fit.fitting import EpochFigures

_PICTURE_DPI = 120
"""Pixels an inch of the PNG files."""
FIRST_COLOUR, SECOND_COLOUR = "#1f6feb", "#d9480f"
"""Blue and orange that also differ in brightness, for readers and printers without colour."""

_RIGHT_COLOUR = "#e3efe3"
"""Background of the diagonal of a confusion matrix: pale, so that errors stand out."""

_MIN_ERROR_SCALE = 1.0
"""Smallest share in % at the end of the scale of colours: a single error must not look grave."""

_SHEET_CROP_SIDE, _CAPTION_HEIGHT, _SHEET_GAP = 0.62, 0.20, 0.06
"""Inches on a contact sheet: side of a crop, height of a line of its caption, space between."""

_WORST_MISTAKES = 60
"""Mistakes on a contact sheet: five rows of twelve."""

_THRESHOLD_SIZE = 7
"""Font size in points of the thresholds written above a chart."""
_THRESHOLD_ROOM = 0.023
"""Share of a chart's width that an upright threshold needs: 10 of about 440 points."""

_MIN_ACCEPTED_SHOWN = 50
"""Accepted digits below which an error rate is left out: it would jump about. No
record of a measurement."""


def draw_confusion(counts: npt.NDArray[np.integer], classes: Sequence[str], path: Path) -> None:
    """Draw the confusion matrix.

    The colour of an error is its share of the true class. Right readings are not on the scale of
    colours: beside thousands of them all errors would have the same shade.

    Args:
        counts: (k, k), a row for each true class, a column for each class it was read as.
        classes: k names.
        path: the PNG to write.

    Raises:
        OutputError: the picture cannot be written.
    """
    k, wrong = len(classes), ~np.eye(len(classes), dtype=bool)
    totals = counts.sum(axis=1)
    shares = 100 * counts / np.maximum(totals, 1)[:, None]
    figure = Figure((1.8 + 0.58 * k, 1.2 + 0.52 * k), layout="constrained")
    axes = figure.add_subplot()
    highest = max(float(shares[wrong].max(initial=0)), _MIN_ERROR_SCALE)
    heat = axes.imshow(
        np.ma.masked_where(~wrong | (counts == 0), shares),
        cmap="YlOrRd",
        norm=PowerNorm(0.5, 0, highest),  # keeps one error in a thousand visible
    )
    _write_counts(axes, counts, pale_on_dark=wrong & (shares > highest / 2))
    _frame_cells(axes, k)
    names = [f"{name} ({total})" for name, total in zip(classes, totals, strict=True)]
    axes.set_xticks(range(k), classes)
    axes.set_yticks(range(k), names)
    axes.set_xlabel("read as")
    axes.set_ylabel("written (how many)")
    axes.set_title(f"{counts[wrong].sum()} of {counts.sum()} wrong")
    figure.colorbar(heat, ax=axes, label="errors in % of the digits written", shrink=0.8)
    save(figure, path)


def _write_counts(
    axes: Axes, counts: npt.NDArray[np.integer], pale_on_dark: npt.NDArray[np.bool_]
) -> None:
    """Write the counts (k, k) into the cells; cells without errors stay empty."""
    diagonal = np.eye(len(counts), dtype=bool)
    for row, column in np.argwhere(diagonal | (counts > 0)):
        if row == column:
            axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, color=_RIGHT_COLOUR))
        axes.text(
            column, row, str(counts[row, column]), ha="center", va="center", fontsize=8,
            color="white" if pale_on_dark[row, column] else "black",
        )  # fmt: skip


def _frame_cells(axes: Axes, k: int) -> None:
    """Draw lines between the cells of a (k, k) matrix."""
    axes.set_xticks(np.arange(k + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(k + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="0.85", linewidth=0.6)
    axes.tick_params(which="both", length=0, labelsize=9)


def draw_sheet(
    crops: npt.NDArray[np.uint8],
    captions: Sequence[str],
    path: Path,
    columns: int = 12,
    title: str = "",
) -> None:
    """Draw a contact sheet: crops in rows, ink dark on white, with a caption below each.

    Args:
        crops: (n, h, w) uint8, ink bright on black; for n = 0 the picture says "none".
        captions: n short texts, each of the same number of lines.
        path: the PNG to write.
        columns: crops in a row.

    Raises:
        OutputError: the picture cannot be written.
        ValueError: the numbers of captions and crops differ.
    """
    if len(captions) != len(crops):
        raise ValueError(f"{len(crops)} crops need as many captions. Received: {len(captions)}")
    lines = 1 + max((caption.count("\n") for caption in captions), default=0)
    pitch = _SHEET_CROP_SIDE + _SHEET_GAP
    row_height = pitch + lines * _CAPTION_HEIGHT
    head = 0.45 if title else 0.1
    rows = max(1, math.ceil(len(crops) / columns))
    width, height = columns * pitch + _SHEET_GAP, rows * row_height + head
    figure = Figure((width, height))
    # One canvas in inches from the top left, as axes for each crop would be slow to draw.
    canvas = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0), aspect="equal")
    canvas.set_axis_off()
    canvas.text(_SHEET_GAP, 0.15, title, va="top", fontsize=11)
    if not len(crops):
        canvas.text(width / 2, height / 2, "none", ha="center", fontsize=11)
    for place, (crop, caption) in enumerate(zip(crops, captions, strict=True)):
        row, column = divmod(place, columns)
        _draw_crop(canvas, crop, caption, _SHEET_GAP + column * pitch, head + row * row_height)
    save(figure, path)


def _draw_crop(
    canvas: Axes, crop: npt.NDArray[np.uint8], caption: str, left: float, top: float
) -> None:
    """Draw a crop and its caption on a sheet at `left` and `top` in inches."""
    side = _SHEET_CROP_SIDE
    place = (left, left + side, top + side, top)
    canvas.imshow(crop, cmap="gray_r", vmin=0, vmax=255, interpolation="nearest", extent=place)
    canvas.add_patch(Rectangle((left, top), side, side, fill=False, edgecolor="0.8"))
    below = left + side / 2, top + side + 0.03
    canvas.text(*below, caption, ha="center", va="top", fontsize=7.5)


def draw_mistakes(
    examples: Examples,
    guesses: npt.NDArray[np.integer],
    confidence: npt.NDArray[np.floating],
    wrong: npt.NDArray[np.bool_],
    path: Path,
) -> None:
    """Draw the most confident of the examples that were read wrongly; the arrays are (n,).

    Raises:
        OutputError: the picture cannot be written.
    """
    places = np.flatnonzero(wrong)
    worst = places[np.argsort(-confidence[places], kind="stable")][:_WORST_MISTAKES]
    captions = [
        f"{_mark(guesses[i])} for {_mark(examples.labels[i])}\n{confidence[i]:.4f}" for i in worst
    ]
    title = f"The worst {len(worst)} of {len(places)} mistakes: read for written, and confidence"
    draw_sheet(examples.crops[worst], captions, path, title=title)


def _mark(label: int) -> str:
    return "x" if label == NOT_A_DIGIT else str(label)


def coverage_figure(
    accepted: npt.NDArray[np.float64],
    error: npt.NDArray[np.float64],
    rows: Sequence[CalibrationRow],
) -> Figure:
    """The risk-coverage curve: the error rate of accepted digits against their share.

    Args:
        accepted: (m,) shares of the digits that are accepted, rising.
        error: (m,) error rates among these.
        rows: what chosen thresholds accept; drawn as the upper bounds of their error rates.
    """
    figure, axes = chart("Errors among what is accepted")
    axes.set_xlabel("accepted, % of the digits")
    axes.set_ylabel("wrong, % of the accepted")
    shown = [row for row in rows if row.accepted >= _MIN_ACCEPTED_SHOWN]
    if shown:
        shown.sort(key=lambda row: row.accepted)
        enough = (accepted * shown[0].n >= _MIN_ACCEPTED_SHOWN) & (error > 0)  # 0 has no logarithm
        axes.plot(100 * accepted[enough], 100 * error[enough], color=FIRST_COLOUR, label="seen")
        axes.set_yscale("log")
        bounds = [100 * row.error_bound for row in shown]
        axes.set_ylim(whole_decades([*bounds, *(100 * error[enough]).tolist()]))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
        _mark_thresholds(axes, shown)
        figure.legend(loc="outside lower center", ncols=2, fontsize=8)
    return figure


def _mark_thresholds(axes: Axes, rows: Sequence[CalibrationRow]) -> None:
    """Mark the error bounds of thresholds, sorted by the share they accept; these set the width.

    The thresholds are written above the chart, where they overlap no curve or mark.
    """
    shares = [100 * row.accepted / row.n for row in rows]
    bounds = [100 * row.error_bound for row in rows]
    axes.plot(
        shares, bounds, "v", color=SECOND_COLOUR, markersize=5, clip_on=False,
        label="upper bound (95 %) at the threshold above it",
    )  # fmt: skip
    width = shares[-1] - shares[0]
    left, right = shares[0] - 0.05 * width - 0.2, shares[-1] + 0.05 * width + 0.2
    axes.set_xlim(left, right)
    chosen = _spaced(rows, shares, _THRESHOLD_ROOM * (right - left))
    places = [shares[i] for i in chosen]
    top = axes.get_ylim()[1]
    axes.vlines(places, [bounds[i] for i in chosen], top, color="0.8", linewidth=0.6, zorder=1)
    above = axes.secondary_xaxis("top")
    above.set_xticks(
        places, [f"{rows[i].threshold:g}" for i in chosen], rotation=90, fontsize=_THRESHOLD_SIZE
    )
    above.set_xlabel("threshold", fontsize=_THRESHOLD_SIZE)
    above.spines["top"].set_visible(False)


def _spaced(rows: Sequence[CalibrationRow], shares: Sequence[float], room: float) -> list[int]:
    """Rows to label, at least `room` apart in `shares`; the default threshold is always one."""
    default = ScanOptions(()).review_below
    chosen = list[int]()
    for place in sorted(range(len(rows)), key=lambda i: rows[i].threshold != default):
        if all(abs(shares[place] - shares[other]) >= room for other in chosen):
            chosen.append(place)
    return chosen


def whole_decades(values: Iterable[float]) -> tuple[float, float]:
    """Limits for a logarithmic axis: the powers of ten around the positive `values`.

    An axis of less than one decade would label ticks between the powers, and these labels would
    overlap.
    """
    logarithms = [math.log10(value) for value in values if value > 0] or [0.0]
    low = math.floor(min(logarithms))
    return 10.0**low, 10.0 ** max(math.ceil(max(logarithms)), low + 1)


def chart(title: str) -> tuple[Figure, Axes]:
    """Make an empty chart with a light grid."""
    figure = Figure((7.2, 4.4), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left")
    axes.grid(visible=True, which="both", color="0.9", linewidth=0.7)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def prepare_folder(folder: Path, pictures: Sequence[str]) -> None:
    """Make the folder for pictures of these names, and check that they can be written.

    Raises:
        OutputError: the folder cannot be made, or a picture cannot be written there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{folder}: the folder cannot be made ({error.strerror or error}). "
            "Choose another with --out."
        ) from error
    for name in pictures:
        check_writable(folder / name)


def save(figure: Figure, path: Path) -> None:
    """Write a figure as a PNG, completely or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    with atomic_stream(path) as stream:
        figure.savefig(stream, format="png", dpi=_PICTURE_DPI, facecolor="white")


def draw_curves(history: Sequence[EpochFigures], folder: Path) -> None:
    """Write loss.png and accuracy.png into `folder`; `history` has at least one epoch.

    Raises:
        OutputError: a picture cannot be written.
    """
    epochs = [figures.epoch for figures in history]
    for name, title, scale in (("loss", "Loss", 1), ("accuracy", "Accuracy in %", 100)):
        figure, axes = chart(title)
        training = [scale * getattr(one, name) for one in history]
        validation = [scale * getattr(one, f"validation_{name}") for one in history]
        axes.plot(epochs, training, "o-", color=FIRST_COLOUR, markersize=3, label="training")
        axes.plot(epochs, validation, "s-", color=SECOND_COLOUR, markersize=3, label="validation")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.set_xlabel("epoch")
        axes.legend()
        save(figure, folder / f"{name}.png")
