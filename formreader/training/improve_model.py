"""`formreader improve`: a model fine-tuned on a user's corrections, if it proves to be better."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from formreader.core.errors import ModelError, NoInputError, OutputError, UsageError
from formreader.core.model_folder import (
    CARD_FILE,
    KERAS_FILE,
    ONNX_FILE,
    is_shipped,
    model_folder,
    read_checked,
)
from formreader.core.options import DEFAULT_MODEL, Architecture, ImproveOptions, TrainOptions
from formreader.recognise.architectures import NetworkConfig
from formreader.recognise.load_recogniser import load_recogniser
from formreader.recognise.model_card import Card, read_card
from formreader.training.augment.nondigits import draw_nondigits
from formreader.training.data.examples import Examples, joined, load_mnist
from formreader.training.data.mixture import TrainingData, draw_digits, labelled, mixture
from formreader.training.data.own_digits import OwnDigits, load_own_digits, split_groups
from formreader.training.data.page_crops import page_crops
from formreader.training.evaluate.handover import Compared, judge, objections
from formreader.training.fit.run_folder import prepare_folder, unwritable
from formreader.training.train_model import train_on

if TYPE_CHECKING:
    from formreader.training.fit.fitting import TrainProgress

MIN_CHECKED_DIGITS = 100
"""Fewest digits that people must have checked: of these about 30 are judged on, and a sign test
needs 5 gained and none lost among them. Chosen by that reckoning."""

MIN_GROUPS = 6
"""Fewest pages, or writers where they are known, with checked digits: about half are trained on,
and one page's luck must not decide. A choice, not measured."""

BASE_DIGITS = 6000
"""MNIST digits that are trained on again; other hands, non-digits and crops of pages come to them
in the usual shares. A tenth of what the shipped model saw, for minutes instead of hours."""

_BASE_PAGES = 60
"""Drawn pages whose digits are trained on again: in the shipped model's share of `BASE_DIGITS`."""

_FRESH_DIGITS, _FRESH_PAGES = 1000, 20
"""Digits of new hands, by themselves and on drawn pages, on which weights are chosen and
confidences calibrated beside those of own pages."""

_TEST_MARKS = 4000
"""Drawn marks that are no digits, on which both models are compared."""

_OWN_SHARE = 0.3
"""Share of the own digits in the training data; where there are few, each comes several times."""

_MAX_COPIES = 20
"""Times that an own digit comes in an epoch, at most: more would be learned by heart. For this and
the four numbers above there is no record of a measurement."""

_BATCH, _AVERAGING = 128, 0.99
"""Crops in a step, and momentum of the averaged weights: shorter than usual, as the training is."""

_MNIST, _MARKS = "digits of MNIST's test set", "drawn marks that are no digits"


@dataclass(frozen=True, slots=True)
class Improvement:
    """The outcome: figures on own held-back pages and elsewhere, and the model if it is better.

    People checked `checked` of the digits that were judged on, of `groups` pages or writers. Digits
    are accepted from the confidence `threshold`. `folder` is None where `reasons` say why the old
    model stays.
    """

    own: Compared
    checked: int
    groups: int
    threshold: float
    elsewhere: Mapping[str, Compared]
    reasons: tuple[str, ...]
    folder: Path | None


def improve(options: ImproveOptions, progress: TrainProgress) -> Improvement:
    """Fine-tune a model on corrections, and write it to `options.out` if it is better.

    Where it is not, nothing is written, and a model that is there stays.

    Raises:
        NoInputError: a job, MNIST or the writers cannot be read, or there are too few corrections.
        UsageError: the jobs were read by another model than the shipped one and none is given, or
            the folder is that of a shipped model.
        ModelError: the model to start from cannot be used.
        OutputError: the folder cannot be written or holds something else; found before any work.
    """
    _put_back(options.out)
    _check_out(options.out)
    own = load_own_digits(options.jobs, options.writers)
    _check_enough(own)
    folder = _base(options, own.models)
    card = read_card(folder)
    config = _config(folder, card)
    prepare_folder(options.out.absolute().parent)
    mnist, test = load_mnist()
    rng = np.random.default_rng([options.seed, 11])  # apart from the seeds of `prepare_data`
    training, choosing, judging = split_groups(own, rng)
    progress.message(
        f"{int(own.checked.sum()):,} digits that people checked and {int((~own.checked).sum()):,} "
        f"others of their pages: {int(training.sum()):,} to train on, {int(choosing.sum()):,} to "
        f"calibrate on, {int(judging.sum()):,} to judge on"
    )
    parts = own.examples[training], own.examples[choosing]
    data = _data(mnist, test, *parts, options.writers is not None, rng, progress)
    place = _beside(options.out, "new")
    try:
        place.mkdir()
        candidate = place / options.out.name
        _fine_tune(data, folder, config, candidate, options, progress)
        marks = labelled(draw_nondigits(_TEST_MARKS, test.crops, rng), 10)
        sets = {_MNIST: test, _MARKS: marks}
        held = own.examples[judging]
        compared = _compare(folder, candidate, {"": held, **sets}, own.review_below)
        reasons = objections(compared[""], compared[_MNIST], compared[_MARKS])
        if not reasons:
            _hand_over(candidate, options.out)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return Improvement(
        own=compared[""],
        checked=int(own.checked[judging].sum()),
        groups=len(np.unique(own.groups[judging])),
        threshold=own.review_below,
        elsewhere={name: compared[name] for name in sets},
        reasons=reasons,
        folder=None if reasons else options.out,
    )


def _check_out(out: Path) -> None:
    """Refuse a folder of a shipped model (UsageError), or of something else (OutputError)."""
    if is_shipped(out.resolve()):
        raise UsageError(f"{out}: this model came with the program. Choose another with --out")
    try:
        if (
            out.exists()
            and not (out / CARD_FILE).is_file()
            and (out.is_file() or any(out.iterdir()))
        ):
            raise OutputError(
                f"{out}: it is not a model folder, and would be replaced by one. Choose another "
                "with --out"
            )
    except OSError as error:
        raise unwritable(out, error) from error


def _check_enough(own: OwnDigits) -> None:
    """Refuse too few corrections (NoInputError)."""
    checked, groups = int(own.checked.sum()), len(np.unique(own.groups[own.checked]))
    if checked < MIN_CHECKED_DIGITS or groups < MIN_GROUPS:
        raise NoInputError(
            f"too few corrections to learn from: {checked:,} digits with ink were checked on "
            f"{groups:,} pages (or of as many writers), {MIN_CHECKED_DIGITS:,} on {MIN_GROUPS:,} "
            "are needed. Answer more in the report, put them in with `formreader correct`, or give "
            "more jobs"
        )


def _base(options: ImproveOptions, models: Sequence[str]) -> Path:
    """The folder of the model to start from, which the jobs were read with.

    UsageError if it is not the shipped one and none is given, ModelError if it is damaged.
    """
    folder = model_folder(options.model or DEFAULT_MODEL)
    card = read_card(folder)
    for name in (KERAS_FILE, ONNX_FILE):  # found here, not after minutes
        read_checked(folder, card.files, name)
    if options.model is None and models != (f"{card.name} {card.version}",):
        raise UsageError(
            f"the jobs were read with {' and '.join(models)}, not with the shipped "
            f"{card.name} {card.version}. Give the model to start from with --model"
        )
    return folder


def _config(folder: Path, card: Card) -> NetworkConfig:
    """The network of a model, as its card tells; ModelError if it does not."""
    try:
        arch: Architecture = next(a for a in get_args(Architecture) if a == card.recipe["arch"])
        stages = tuple(
            tuple(map(int, stage.split("-"))) for stage in str(card.recipe["stages"]).split()
        )
        return NetworkConfig(arch, stages, float(card.recipe["dropout"]))
    except (KeyError, ValueError, StopIteration) as error:
        raise ModelError(
            f"{folder}: its card does not tell what network it is. Give --model a folder that "
            "`formreader train` wrote"
        ) from error


def _data(
    mnist: Examples,
    test: Examples,
    training: Examples,
    choosing: Examples,
    writers_known: bool,
    rng: np.random.Generator,
    progress: TrainProgress,
) -> TrainingData:
    """Own digits in their share, among those of the base.

    What is chosen and calibrated on beside own digits is drawn anew: the model to start from has
    seen most of MNIST's training digits, and would look too sure of them.
    """
    progress.message("Drawing other hands, filled forms and non-digits")
    again = mnist[rng.permutation(len(mnist))[:BASE_DIGITS]]
    base = mixture(again, rng)
    pages = page_crops(again, _BASE_PAGES, int(rng.integers(2**31)))
    wanted = _OWN_SHARE / (1 - _OWN_SHARE) * (len(base) + len(pages))
    copies = min(_MAX_COPIES, max(1, round(wanted / len(training))))
    fresh = draw_digits(_FRESH_DIGITS, rng)
    fresh_pages = page_crops(fresh, _FRESH_PAGES, int(rng.integers(2**31)))
    calibration = joined(fresh_pages, choosing)
    return TrainingData(
        training=base,
        scanned=joined(pages, *[training] * copies),
        validation=joined(mixture(fresh, rng), calibration),
        calibration=calibration,
        test=test,
        facts={
            "digits": "mnist, own pages",
            "training_examples": len(base),
            "training_digits": len(again),
            "training_crops_of_pages": len(pages),
            "own_training_digits": len(training),
            "own_training_copies": copies,
            "own_calibration_digits": len(choosing),
            "calibration_crops_of_pages": len(calibration),
            "writer_disjoint": writers_known,
        },
    )


def _fine_tune(
    data: TrainingData,
    folder: Path,
    config: NetworkConfig,
    out: Path,
    options: ImproveOptions,
    progress: TrainProgress,
) -> None:
    """Train the model of `folder` further, blend it with itself, and write it to `out`."""
    settings = TrainOptions(
        out=out, epochs=options.epochs, patience=options.epochs, batch=_BATCH,
        learning_rate=options.learning_rate, averaging=_AVERAGING, seed=options.seed,
        base=str(folder), arch=config.arch, data=("mnist", "own pages"), pages=_BASE_PAGES,
    )  # fmt: skip
    train_on(data, settings, config, progress)


def _compare(
    folder: Path, candidate: Path, sets: Mapping[str, Examples], threshold: float
) -> dict[str, Compared]:
    """Read each of the sets with both models, as a scan on a CPU does."""
    old, new = (load_recogniser(str(model), device="cpu") for model in (folder, candidate))
    return {
        name: Compared(
            *(
                judge(one.probabilities(examples.crops), examples.labels, threshold)
                for one in (old, new)
            )
        )
        for name, examples in sets.items()
    }


def _hand_over(candidate: Path, out: Path) -> None:
    """Put the new model's folder in the old one's place; OutputError leaves the old one there."""
    aside = _beside(out, "before")
    try:
        if out.exists():
            out.rename(aside)
        candidate.rename(out)
    except BaseException as error:  # an interruption, too
        if not out.exists() and aside.exists():
            aside.rename(out)
        if isinstance(error, OSError):
            raise unwritable(out, error) from error
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _put_back(out: Path) -> None:
    """Mend what a kill has left: the old model goes back, an unfinished one is deleted."""
    shutil.rmtree(_beside(out, "new"), ignore_errors=True)
    aside = _beside(out, "before")
    if out.exists():
        shutil.rmtree(aside, ignore_errors=True)
    elif aside.exists():
        aside.rename(out)


def _beside(out: Path, what: Literal["new", "before"]) -> Path:
    """Folder beside `out` of the new model until it is judged, of the old one meanwhile."""
    return out.absolute().with_name(f".{out.name}-{what}")
