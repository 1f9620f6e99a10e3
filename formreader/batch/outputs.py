"""What a scan writes and where: checked before any work, never in place of an input."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from formreader.batch.debug_pictures import DebugFolder
from formreader.core.errors import UsageError
from formreader.core.locations import STANDARD_OUTPUT, Place, as_place, beside, job_path
from formreader.core.options import ScanOptions
from formreader.core.remote_files import identity
from formreader.input.input_files import InputListing, list_files
from formreader.output.atomic_writing import check_writable
from formreader.output.table_formats import check_format


@dataclass(frozen=True, slots=True)
class Outputs:
    """The files and the folder that a scan writes; None for what is not asked for."""

    table: Place
    report: Place | None
    job: Path
    log: Path | None = None
    debug: Path | None = None

    @classmethod
    def of(cls, options: ScanOptions) -> Outputs:
        """Where the options say, else beside the table."""
        report: Place | None = None
        if options.report is None and options.out != STANDARD_OUTPUT:
            report = beside(options.out, ".html")
        elif options.report not in (None, "none"):
            report = as_place(str(options.report))
        job = job_path(options.out)
        return cls(options.out, report, job, options.log_json, options.debug)

    def files(self) -> Iterator[tuple[str, Place]]:
        """Each file, after the option that chooses it."""
        yield "--out", self.table
        if self.report is not None:
            yield "--report", self.report
        if self.log is not None:
            yield "--log-json", self.log

    def check(self) -> None:
        """Find out before any work whether all of them can be written.

        Raises:
            UsageError: two of them are the same file, or the table's format is none of ours.
            OutputError: one cannot be written.
        """
        if STANDARD_OUTPUT in (self.report, str(self.log)):
            raise UsageError("-: only the table can be printed. Give the other file a name")
        taken = {identity(self.job): "the job store"}
        for option, path in self.files():
            other = taken.setdefault(identity(path), option)
            if other != option:
                raise UsageError(
                    f"{path}: {option} and {other} need two files. Choose another with {option}"
                )
            check_writable(path, option)
        check_format(self.table)

    @contextmanager
    def with_job(self) -> Iterator[Outputs]:
        """The same with a place for the job: a table that is printed has one for the moment."""
        if self.table != STANDARD_OUTPUT:
            yield self
            return
        with TemporaryDirectory(prefix="formreader-") as folder:
            yield replace(self, job=Path(folder) / self.job.name)

    def list_inputs(self, paths: tuple[str, ...]) -> InputListing:
        """The files to read; results of this program are none, and never replace one.

        Raises:
            UsageError: a file to read would be replaced.
            NoInputError: there is none.
        """
        files = [path for _, path in self.files() if path != STANDARD_OUTPUT] + [self.job]
        own = [*files, self.debug] if self.debug else files
        listing = list_files(paths, own=own)
        inputs = {identity(file.path) for file in listing.files}
        for path in files:
            if identity(path) in inputs:
                raise UsageError(
                    f"{path}: it is one of the files to read and would be replaced. "
                    "Choose another place for the results with --out, --report and --log-json"
                )
        return listing

    def debug_folder(self, inputs: tuple[str, ...]) -> DebugFolder | None:
        """The folder for pictures of the pages, made where it is missing.

        Raises:
            UsageError: one of the `inputs` lies in it.
            OutputError: it cannot be made or written to.
        """
        return DebugFolder.make(self.debug, inputs) if self.debug else None
