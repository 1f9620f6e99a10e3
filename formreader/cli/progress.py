"""The progress display of scans and trainings; all of it goes to stderr."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from formreader.core.printable import printable_lines

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from formreader.batch.page_log import PageFigures
    from formreader.training.fit.fitting import EpochFigures

_SECONDS_BETWEEN_LINES = 5.0
_SECONDS_BETWEEN_TRAINING_LINES = 60.0
"""Time between two lines of progress where there is no terminal. By eye: a training takes an hour
rather than a minute."""


def print_message(text: str) -> None:
    """Print a message to the user on stderr, apart from the command's output.

    Names in it may come from strangers: what would act on the terminal is printed as an escape.
    Where it cannot be printed (a log on a full disk), the work goes on without.
    """
    with suppress(OSError):
        click.echo(f"formreader: {printable_lines(text)}", err=True)


class Bar:
    """Progress of a known number of steps: a bar on a terminal, elsewhere a line now and then."""

    def __init__(self, unit: str, between_lines: float = _SECONDS_BETWEEN_LINES) -> None:
        self._unit = unit
        self._between_lines = between_lines
        self._total = self._done = 0
        self._began = self._last_line = time.monotonic()
        self._rich: Progress | None = None
        self._task: TaskID | None = None

    def start(self, total: int, what: str) -> None:
        """Start to count `total` steps of `what`, from 0."""
        self._total, self._done = total, 0
        self._began = self._last_line = time.monotonic()
        if sys.stderr.isatty():
            if self._rich is None:
                self._rich = _rich_progress(self._unit)
                self._rich.start()
            if self._task is not None:
                self._rich.remove_task(self._task)
            self._task = self._rich.add_task(what, total=total, speed="")

    def advance(self, note: str = "") -> None:
        """Count a step more; `note` is shown beside the speed."""
        self._done += 1
        now = time.monotonic()
        if self._rich is not None and self._task is not None:
            speed = f"{self._speed(now)} {note}"
            self._rich.update(self._task, completed=self._done, speed=speed)
        elif now - self._last_line >= self._between_lines:
            self._last_line = now
            left = (now - self._began) / self._done * (self._total - self._done)
            print_message(
                f"{self._done} of {self._total} {self._unit}, {self._speed(now)}, "
                f"{left:.0f} s left {note}".rstrip()
            )

    def stop(self) -> None:
        """Remove the bar, so that other lines can be printed."""
        if self._rich is not None:
            self._rich.stop()
            self._rich = self._task = None

    def _speed(self, now: float) -> str:
        return f"{self._done / max(now - self._began, 1e-9):.1f} {self._unit}/s"


def _rich_progress(unit: str) -> Progress:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(f"{unit}"),
        TextColumn("{task.fields[speed]}"),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        console=Console(stderr=True),
        transient=True,
    )


class ScanDisplay:
    """Shows the progress of a scan, as a `ScanProgress`; a signal handler sets `stop_asked`."""

    def __init__(self, quiet: bool, verbose: bool = False) -> None:
        self.stop_asked = False
        self._quiet = quiet
        self._verbose = verbose
        self._bar: Bar | None = None

    def checking(self, files: int) -> None:
        self._show("files", files, "looking for new and changed files")

    def file_checked(self) -> None:
        self._advance()

    def started(self, files: int, pages: int, done: int) -> None:
        if 0 < done < pages and not self._quiet:
            print_message(f"{done} of {pages} pages are already read; continuing with the others")
        self._show("pages", pages - done, f"{files} file{'s' * (files != 1)}")

    def page_done(self, figures: PageFigures) -> None:
        """A page is done; a failure is reported even if `quiet`."""
        if figures.error or self._verbose:
            print_message(str(figures))
        self._advance()

    def message(self, text: str) -> None:
        print_message(text)

    def stopped(self) -> bool:
        return self.stop_asked

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _show(self, unit: str, total: int, what: str) -> None:
        """Replace the bar by a new one."""
        self.close()
        if not self._quiet:
            self._bar = Bar(unit)
            self._bar.start(total, what)

    def _advance(self) -> None:
        if self._bar is not None:
            self._bar.advance()


class TrainDisplay:
    """Shows a training (a `TrainProgress`): for each epoch a bar, then a line with its figures."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._bar = Bar("steps", _SECONDS_BETWEEN_TRAINING_LINES)
        self._epochs = self._steps = 0
        self._seconds: list[float] = []

    def started(self, epochs: int, steps: int) -> None:
        self._epochs, self._steps = epochs, steps

    def step(self, epoch: int, step: int, loss: float) -> None:
        if self._quiet:
            return
        if step == 1:
            self._bar.start(self._steps, f"epoch {epoch} of {self._epochs}")
        self._bar.advance(note=f"loss {loss:.4f}")

    def epoch(self, figures: EpochFigures) -> None:
        self._seconds.append(figures.seconds)
        if not self._quiet:
            print_message(
                f"epoch {figures.epoch} of {self._epochs}: loss {figures.loss:.4f}, "
                f"accuracy {figures.accuracy:.2%}, "
                f"validation loss {figures.validation_loss:.4f}, "
                f"validation accuracy {figures.validation_accuracy:.2%}, "
                f"{figures.seconds:.0f} s{self._time_left(figures.epoch)}"
            )

    def _time_left(self, epoch: int) -> str:
        """Return about how long the epochs after this one will take, judged by those so far."""
        epochs = self._epochs - epoch
        if epochs == 0:
            return ""
        return f", about {duration(epochs * sum(self._seconds) / len(self._seconds))} left"

    def message(self, text: str) -> None:
        if not self._quiet:
            print_message(text)

    def close(self) -> None:
        """Remove the bar."""
        self._bar.stop()


def duration(seconds: float) -> str:
    """Return a length of time as people say it, such as `3 min`."""
    minutes = round(seconds / 60)
    if seconds < 10:
        return f"{seconds:.1f} s"
    if minutes < 2:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
