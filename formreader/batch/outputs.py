"""The files that a scan writes: checked before any work, and never allowed to replace an input."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from formreader.batch.input_checks import list_inputs
from formreader.core.errors import UsageError
from formreader.core.locations import STANDARD_OUTPUT, Place, as_place, beside, job_path
from formreader.core.options import ScanOptions
from formreader.core.remote_files import identity
from formreader.input.input_files import InputListing
from formreader.output.atomic_writing import check_writable
from formreader.output.table_formats import check_format


@dataclass(frozen=True, slots=True)
class Outputs:
    """The files and the folder that a scan writes; None for those not asked for."""

    table: Place
    report: Place | None
    job: Path
    log: Path | None = None
    debug: Path | None = None

    @classmethod
    def of(cls, options: ScanOptions) -> Outputs:
        """Return the places that `options` name; those without an option lie beside the table."""
        report: Place | None = None
        if options.report is None and options.out != STANDARD_OUTPUT:
            report = beside(options.out, ".html")
        elif options.report not in (None, "none"):
            report = as_place(str(options.report))
        job = job_path(options.out)
        return cls(options.out, report, job, options.log_json, options.debug)

    def files(self) -> Iterator[tuple[str, Place]]:
        """Yield each file with the option that chooses it."""
        yield "--out", self.table
        if self.report is not None:
            yield "--report", self.report
        if self.log is not None:
            yield "--log-json", self.log

    def check(self) -> None:
        """Check before any work that all of them can be written.

        Raises:
            UsageError: two of them are the same file, or the table's format is not supported.
            OutputError: one cannot be written.
        """
        if STANDARD_OUTPUT in (self.report, str(self.log)):
            raise UsageError("-: only the table (--out) can be printed. Name a file for the other")
        taken = {identity(self.job): "the job store"}
        for option, path in self.files():
            other = taken.setdefault(identity(path), option)
            if other != option:
                raise UsageError(
                    f"{path}: {option} and {other} cannot be the same file. "
                    f"Choose another with {option}"
                )
            check_writable(path, option)
        check_format(self.table)

    @contextmanager
    def with_job(self) -> Iterator[Outputs]:
        """Yield the outputs with a place for the job: a temporary one if the table is printed."""
        if self.table != STANDARD_OUTPUT:
            yield self
            return
        with TemporaryDirectory(prefix="formreader-") as folder:
            yield replace(self, job=Path(folder) / self.job.name)

    def list_inputs(self, paths: tuple[str, ...], seconds: float) -> InputListing:
        """Return the files to read, without results of this program.

        A server is waited for up to `seconds`.

        Raises:
            UsageError: an output would replace a file to read.
            NoInputError: there is no file to read.
        """
        files = [path for _, path in self.files() if path != STANDARD_OUTPUT] + [self.job]
        own = [*files, self.debug] if self.debug else files
        listing = list_inputs(paths, own=own, seconds=seconds)
        inputs = {identity(file.path) for file in listing.files}
        for path in files:
            if identity(path) in inputs:
                raise UsageError(
                    f"{path}: it is one of the files to read and would be replaced by the results. "
                    "Choose another place for the results with --out, --report and --log-json"
                )
        return listing
