"""The parts of a large report: scripts in a folder beside it, one loaded at a time.

A page that is opened from disk may fetch nothing, but may load scripts. So a part is a script that
hands its fields to the page.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from formreader.core.errors import OutputError
from formreader.output.atomic_writing import atomic_writer

_PART_NAME = re.compile(r"part-[0-9a-f]{8}-\d{4,}\.js")


class PartFiles:
    """The parts of one writing of a report, which `edition` (8 hexadecimal digits) names.

    Parts of other editions stay until `remove_others`, which is called when the report itself has
    been replaced: whatever happens before, the report that is there has its parts.
    """

    def __init__(self, report: Path, edition: str) -> None:
        self.folder = report.with_name(f"{report.stem}_files")
        self._edition = edition

    def write(self, number: int, records: Sequence[str]) -> str:
        """Write a part, counted from 1; return its path relative to the report.

        Raises:
            OutputError: it cannot be written.
        """
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"{self.folder}: the parts of the report cannot be written there: "
                f"{error.strerror}. Choose another report with --report"
            ) from error
        name = f"part-{self._edition}-{number:04}.js"
        with atomic_writer(self.folder / name, "--report") as stream:
            stream.write(f'reportPart("{self._edition}",{number},[\n')
            stream.write(",\n".join(records))
            stream.write("\n]);\n")
        return name

    def remove_own(self) -> None:
        """Remove the parts of this edition, because its report was not finished."""
        self._remove(own=True)

    def remove_others(self) -> None:
        """Remove the parts of all other editions, and the folder if nothing is left in it."""
        self._remove(own=False)

    def _remove(self, *, own: bool) -> None:
        with suppress(OSError):  # no folder; or a part that is open: the next report removes it
            for path in self.folder.iterdir():
                if _PART_NAME.fullmatch(path.name) and (self._edition in path.name) == own:
                    path.unlink()
            self.folder.rmdir()
