"""Learn the forms of a scan from its own pages, and read the pages as these forms, in one go.

Pages are read in blocks. After each, forms are learned of the pages of no known form, of which the
job keeps small copies: these pages get their form by name only if exactly its fields were found,
else they are read again. What a page is read with depends on its place in the scan alone, so an
interrupted scan comes to the same results.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from formreader.batch.job_plan import Plan
from formreader.batch.job_work import JobWork
from formreader.batch.page_pool import PagePool
from formreader.batch.pile_pages import page_label
from formreader.core.doubts import Doubt
from formreader.core.errors import OutputError, TemplateError, UsageError
from formreader.output.atomic_writing import atomic_writer
from formreader.reading.page_task import PageTask
from formreader.recognise.recogniser import Recogniser
from formreader.store.job_store import JobStore, LearnedForms, Learning, PageCopy
from formreader.template.form_book import templates_hash
from formreader.template.pile_page import PilePage
from formreader.template.pile_sorting import LearnedForm, learned_form, sort_pile
from formreader.template.template_file import TEMPLATE_FILE, read_template, write_template

PageKey: TypeAlias = tuple[str, int]
"""A file's name in the results and the 0-based number of its page."""

_FIRST_BLOCK, _NEXT_BLOCKS = 100, 200
"""Pages after which forms are learned for the first time, and then each time: enough for a dozen
forms to be seen several times; their copies take half a megabyte each while they are compared."""

_MIN_PAGES_OF_FORM = 2
"""Pages that make a form: one that is like no other page is more often a cover or a letter."""

_MAX_WAITING = 100
"""Pages of no known form, the last ones, that are compared with those of later blocks."""

_WRITTEN_FILE = "learned.sha256"
"""What identifies the templates in the folder as the scan wrote them."""


@dataclass(frozen=True, slots=True)
class AutoForms:
    """The forms that a scan learns, in a folder beside its job."""

    folder: Path
    store: JobStore

    @classmethod
    def folder_of(cls, job: Path) -> Path:
        """The folder of the templates that the scan with this job learns."""
        return job.with_suffix(".templates")

    def begin(self) -> None:
        """Check the templates that an earlier run learned; a new job begins without any.

        Raises:
            UsageError: they were changed since.
            TemplateError: one is missing.
        """
        if not self.store.stored():
            check_discardable(self.folder)
            try:
                for file in self.folder.glob(f"*/{TEMPLATE_FILE}"):
                    shutil.rmtree(file.parent)
            except OSError as error:
                raise OutputError(
                    f"{self.folder}: cannot be replaced ({error.strerror})"
                ) from error
            return
        learned = self.store.learned()
        names = learned.forms
        if names and templates_hash(self.folder, names) != learned.templates_hash:
            raise UsageError(
                f"{self.folder}: these templates were changed since this scan learned them, so it "
                f"cannot go on with them. Scan with --template {self.folder} and --fresh to use "
                "them, or put them back"
            )

    def has_learned_all(self) -> bool:
        """Whether no page was stored since forms were learned last."""
        return len(self.store.stored()) <= self.store.learned().pages

    def field_names(self) -> dict[str, list[str]]:
        """The names of the fields of each form that was learned."""
        templates = (read_template(self.folder / name) for name in self.store.learned().forms)
        return {one.name: [field.name for field in one.fields] for one in templates}

    def read(
        self, work: JobWork, plan: Plan, pool: PagePool, recogniser: Callable[[], Recogniser]
    ) -> int:
        """Read the pages of a plan until the user stops it; return how many were read.

        Raises:
            OutputError: pages or templates cannot be written.
        """
        tasks = list(plan.tasks)
        stored = self.store.stored()
        read = 0
        while not work.progress.stopped():
            if again := self.store.to_read_again():  # as forms on which other fields were found
                renewed = [task for task in plan.every if _key(task) in again]
                replace(work, again=True).read(list(self._tagged(renewed)), pool, recogniser)
            if work.progress.stopped():
                break
            learned = self.store.learned()
            size = _NEXT_BLOCKS if learned.pages else _FIRST_BLOCK
            unseen = len(stored) - learned.pages
            if unseen >= size or (unseen > 0 and not tasks):
                self._learn(work, len(stored))
                continue
            if not tasks:
                break
            block = _block(tasks, stored, min(size, size - unseen))
            done = work.read(list(self._tagged(block)), pool, recogniser)
            read += done
            if done < len(block):
                break
            del tasks[: len(block)]
            stored |= {_key(task) for task in block}
        return read

    def _tagged(self, tasks: Sequence[PageTask]) -> Iterator[PageTask]:
        """Tasks to be read as the forms that are known now."""
        forms, folder = self.store.learned().forms, str(self.folder.absolute())
        for task in tasks:
            yield replace(task, templates=folder, forms=forms, keep_copy=True)

    def _learn(self, work: JobWork, stored: int) -> None:
        """Learn forms of the pages that wait, write their templates, and name their pages."""
        before = self.store.learned().forms
        copies = {page_label(copy.file, copy.number): copy for copy in self.store.copies()}
        pages = [PilePage.of_text(label, one.png, one.fields) for label, one in copies.items()]
        forms = list[LearnedForm]()
        for pile in sort_pile(pages):
            form = None
            if len(pile.members) >= _MIN_PAGES_OF_FORM:
                form = learned_form(pile, f"form-{len(before) + len(forms) + 1}")
            if form is not None:
                write_template(self.folder / form.template.name, form.template, form.page)
                forms.append(form)
        names = (*before, *(form.template.name for form in forms))
        digest = templates_hash(self.folder, names) if names else ""
        if names:
            with atomic_writer(self.folder / _WRITTEN_FILE) as stream:
                stream.write(digest)
        self.store.learn(_learning(LearnedForms(names, digest, stored), forms, copies))
        for form in forms:
            work.progress.message(
                f"{form.template.name}: learned from {len(form.labels):,} pages, "
                f"{len(form.template.fields):,} fields"
            )


def check_discardable(folder: Path) -> None:
    """Check that the templates in a folder are as a scan wrote them, before they are replaced.

    Raises:
        UsageError: they may hold a person's work.
    """
    if not list(folder.glob(f"*/{TEMPLATE_FILE}")):
        return
    try:
        written = (folder / _WRITTEN_FILE).read_text(encoding="ascii", errors="replace")
        unchanged = templates_hash(folder) == written
    except (OSError, TemplateError):
        unchanged = False
    if not unchanged:
        raise UsageError(
            f"{folder}: a new scan would replace these templates, which were changed since an "
            f"earlier one learned them. Use them with --template {folder}, or move them away"
        )


def _learning(
    learned: LearnedForms, forms: Sequence[LearnedForm], copies: Mapping[str, PageCopy]
) -> Learning:
    """What becomes of the pages that waited; `copies` are theirs, by their labels."""
    named, again = dict[int, tuple[str, list[str]]](), dict[int, str]()
    for form in forms:
        names = [field.name for field in form.template.fields]
        for label in form.labels:
            copy = copies[label]
            # Another notice may be about boxes that the form explains.
            if label in form.fitting and copy.notice == Doubt.LONE_FORM:
                named[copy.page] = form.template.name, names
            else:
                again[copy.page] = form.template.name
    settled = named.keys() | again.keys()
    waiting = [copy.page for copy in copies.values() if copy.page not in settled]
    return Learning(learned, named, again, waiting[:-_MAX_WAITING])


def _block(tasks: Sequence[PageTask], stored: AbstractSet[PageKey], size: int) -> list[PageTask]:
    """The first tasks, up to the one that makes `size` pages that no earlier run tried."""
    block = list[PageTask]()
    for task in tasks:
        if size == 0:
            break
        size -= _key(task) not in stored
        block.append(task)
    return block


def _key(task: PageTask) -> PageKey:
    return task.file.label, task.number
