"""Rules checked over a whole job, with what people answered.

What a page's own readings break is found when it is read. An answer may mend that or break
another rule, whether a value is unique only the batch tells, and an earlier value belongs to the
number of a thing as answered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import partial

from formreader.core.doubts import Doubt, reason
from formreader.core.records import PageReading
from formreader.output.table import file_cell
from formreader.recognise.decisions import judged
from formreader.recognise.risk_control import Thresholds
from formreader.rules.decoder import broken_rules, written_values
from formreader.rules.earlier_values import key_of_page, key_of_value, step_broken
from formreader.rules.form_rules import FormRules
from formreader.rules.rules_text import rules_of_text
from formreader.store.job_store import JobStore, JobView


def check_rules(store: JobStore, view: JobView) -> None:
    """Find the rules that the values of a job break, as answered, and put their fields to review.

    Fields whose rules hold again get the status that their own confidence gives them.

    Raises:
        OutputError: the job cannot be written.
    """
    rules = {form: rules_of_text(text) for form, text in view.rules.items()}
    if not rules:
        return
    counts = _counts(store.field_readings(), rules)
    found = dict[tuple[str, int], dict[int, tuple[str, ...]]]()
    for page in _pages(store.field_readings(), rules):
        broken = _broken(page, rules[page.form], counts)
        changed = {
            i: broken.get(field.name, ())
            for i, field in enumerate(page.fields, 1)
            if broken.get(field.name, ()) != field.broken
        }
        if changed:
            found[page.file, page.number] = changed
    if found:
        thresholds = Thresholds.of_text(view.thresholds)
        store.set_broken(found, partial(judged, thresholds=thresholds))


def _pages(pages: Iterable[PageReading], rules: Mapping[str, FormRules]) -> Iterator[PageReading]:
    """Yield the pages of forms with rules; copies of files are not checked again."""
    return (page for page in pages if page.form in rules and not page.same_as and not page.error)


def _counts(pages: Iterable[PageReading], rules: Mapping[str, FormRules]) -> Counter[object]:
    """How often each (form, field, value) stands there, of fields that should be unique."""
    unique = {
        (form, name) for form, of in rules.items() for name, one in of.fields.items() if one.unique
    }
    if not unique:
        return Counter()
    return Counter(
        (page.form, name, value)
        for page in _pages(pages, rules)
        for name, value in written_values(page.fields, rules[page.form]).items()
        if (page.form, name) in unique and value and "?" not in value
    )


def _broken(
    page: PageReading, rules: FormRules, counts: Counter[object]
) -> dict[str, tuple[str, ...]]:
    values = written_values(page.fields, rules)
    broken = broken_rules(values, rules)
    for name, value in values.items():
        if counts[page.form, name, value] > 1:
            broken[name] = (*broken.get(name, ()), reason(Doubt.NOT_UNIQUE, name, value))
        if (own := rules.of(name)).previous:
            number = values.get(own.previous_by, "")
            key = "" if "?" in number else key_of_value(number)
            if not own.previous_by:
                key = key_of_page(file_cell(page.file), str(page.number + 1))
            if told := step_broken(value, key, own, name):
                broken[name] = (*broken.get(name, ()), told)
    return broken
