"""What rules do to right and wrong values: `python tests/benchmarks/rules.py [--pages N]`.

Draws forms in all kinds of scan, cuts their boxes out at their true places and has the shipped
network read them: a store of probabilities for each digit. Of these it composes pages of a tally,
whose writers add up wrong in the share `--broken` of the sums, and reads them without rules and
with them. Prints the share of fields that are right and accepted, how many accepted ones are wrong,
how often a value that the ink alone gives rightly is changed, and accepted so (exit code 1 if
ever), how many of the sums that were written wrong are for review, and the processor time that
rules take a page.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import partial

import numpy as np
from accuracy import mnist_source
from drawn_forms import render_any_form
from PIL import Image

from formreader.core.classes import NO_CROPS, Probabilities
from formreader.core.image_pyramid import Pyramid
from formreader.core.options import DEFAULT_MODEL
from formreader.core.records import DigitBox, FieldCrops, FieldReading, Status
from formreader.crop.box_crops import crop_boxes
from formreader.input.grey import grey_of
from formreader.recognise.decisions import ReadField, decide
from formreader.recognise.load_recogniser import load_recogniser
from formreader.recognise.risk_control import Thresholds
from formreader.recognise.rule_evidence import under_rules
from formreader.rules.expressions import parse_relations
from formreader.rules.form_rules import FieldRules, FormRules
from formreader.synth import sample_spec

PARTS = [f"votes_{i:02d}" for i in range(1, 9)]
NAMES = [*PARTS, "valid", "invalid", "total"]
DIGITS = 3
"""Boxes of each field."""

Bank = dict[int, list[Probabilities]]
Page = dict[str, int]


def bank_of(pages: int, digits: str, seed: int) -> Bank:
    """Probabilities (11,) of boxes that hold each digit, from drawn pages."""
    recogniser = load_recogniser(DEFAULT_MODEL, "cpu", 1024)
    bank: Bank = defaultdict(list)
    for number in range(seed, seed + pages):
        spec = sample_spec(np.random.default_rng(number), held_back=True)
        page = render_any_form(
            number, spec, mnist_source(spec.dpi, number) if digits == "mnist" else None
        )
        truth = [one for one in page.truth if not one.is_number_cell and one.symbol in "0123456789"]
        truth = [one for one in truth if one.symbol]
        if truth:
            boxes = [DigitBox(one.corners) for one in truth]
            crops, blank, _ = crop_boxes(Pyramid(grey_of(Image.fromarray(page.image))), boxes)
            for one, row, empty in zip(truth, recogniser.probabilities(crops), blank, strict=True):
                if not empty:
                    bank[int(one.symbol)].append(row)
    return bank


def draw_page(broken: float, rng: np.random.Generator) -> tuple[Page, bool]:
    """What somebody writes on a page, and whether a sum on it is wrong."""
    votes = {name: int(rng.integers(0, 110)) for name in PARTS}
    invalid = int(rng.integers(0, 99))
    wrong = rng.random(2) < broken
    valid = sum(votes.values())
    if wrong[0]:
        valid = added_wrong(valid, rng)
    total = valid + invalid
    if wrong[1]:
        total = added_wrong(total, rng)
    return {**votes, "valid": valid, "invalid": invalid, "total": total}, bool(wrong.any())


def added_wrong(right: int, rng: np.random.Generator) -> int:
    """A sum as people add up wrong: a carry forgotten, a digit, or anything."""
    while True:
        slip = int(rng.integers(1, 10)) * 10 ** int(rng.integers(0, DIGITS))
        carry = 10 ** int(rng.integers(1, DIGITS))
        anything = int(rng.integers(0, 10**DIGITS)) - right
        found = right + int(rng.choice([slip, -slip, carry, -carry, anything]))
        if found != right and 0 <= found < 10**DIGITS:
            return found


def ink_of(page: Page, bank: Bank, rng: np.random.Generator) -> list[ReadField]:
    """What the network gives for a page."""
    read = []
    for name, number in page.items():
        text = f"{number:0{DIGITS}d}"
        rows = np.stack([bank[int(d)][rng.integers(len(bank[int(d)]))] for d in text])
        boxes = tuple(DigitBox(((i, 0), (i + 1, 0), (i + 1, 1), (i, 1))) for i in range(DIGITS))
        crops = np.zeros((DIGITS, *NO_CROPS.shape[1:]), np.uint8)
        field = FieldCrops(boxes, crops, np.zeros(DIGITS, np.bool_), name=name)
        read.append(ReadField(field, rows))
    return read


def count(counts: Counter[str], page: Page, fields: Sequence[FieldReading], key: str) -> None:
    for field in fields:
        right, accepted = int(field.value.replace("?", "") or -1) == page[field.name], field.status
        counts[f"{key} right"] += right and "?" not in field.value
        counts[f"{key} accepted"] += accepted is Status.OK
        counts[f"{key} wrong accepted"] += accepted is Status.OK and not right


def timed(
    read: Sequence[ReadField],
    rules: FormRules,
    seconds: list[float],
    readings: Sequence[FieldReading],
) -> Sequence[FieldReading]:
    begun = time.process_time()
    under = under_rules(read, readings, {}, rules)
    seconds.append(time.process_time() - begun)
    return under


def main() -> None:
    """Draw, read, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=3000)
    parser.add_argument("--drawn", type=int, default=60, help="pages drawn for the probabilities")
    parser.add_argument("--broken", type=float, default=0.02)
    parser.add_argument("--digits", choices=["drawn", "mnist"], default="drawn")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    bank = bank_of(options.drawn, options.digits, 7000 + options.seed)
    rng = np.random.default_rng(options.seed)
    relations = (
        *parse_relations("sums", f"valid = {' + '.join(PARTS)}", NAMES),
        *parse_relations("sums", "total = valid + invalid", NAMES),
    )
    rules = FormRules({name: FieldRules((DIGITS, DIGITS)) for name in NAMES}, relations, 0.02)
    thresholds, counts, seconds = Thresholds.equal(0.95), Counter[str](), list[float]()
    for _ in range(options.pages):
        page, wrong = draw_page(options.broken, rng)
        read = ink_of(page, bank, rng)
        plain = decide(read, thresholds)
        ruled = decide(read, thresholds, revised=partial(timed, read, rules, seconds))
        count(counts, page, plain, "plain")
        count(counts, page, ruled, "ruled")
        for before, after in zip(plain, ruled, strict=True):
            was_right = before.value == f"{page[before.name]:0{DIGITS}d}"
            counts["corrected away"] += was_right and after.value != before.value
            counts["corrected away, accepted"] += (
                was_right and after.value != before.value and after.status is Status.OK
            )
        if wrong:
            counts["wrong sums"] += 1
            counts["wrong sums named"] += any(one.broken for one in ruled)
            counts["wrong sums for review"] += any(one.broken or one.remark for one in ruled)
        else:
            counts["right pages flagged"] += any(one.broken for one in ruled)
    fields = options.pages * len(NAMES)
    digits = sum(map(len, bank.values()))
    print(f"{fields:,} fields on {options.pages:,} pages, of the probabilities of {digits:,} boxes")
    for key, name in (("plain", "without rules"), ("ruled", "with rules")):
        print(
            f"{name:14} right {counts[f'{key} right'] / fields:.2%}, accepted "
            f"{counts[f'{key} accepted'] / fields:.2%}, wrong among the accepted "
            f"{counts[f'{key} wrong accepted']:,}"
        )
    print(
        f"right by the ink, changed by rules: {counts['corrected away']:,}, of them accepted: "
        f"{counts['corrected away, accepted']:,}"
    )
    print(
        f"pages with a wrong sum: {counts['wrong sums']:,}, with the broken rule named: "
        f"{counts['wrong sums named']:,}, with that or a changed value for review: "
        f"{counts['wrong sums for review']:,}; right pages with a broken rule named: "
        f"{counts['right pages flagged']:,}"
    )
    print(
        f"time a page: median {1000 * np.median(seconds):.2f} ms, 99th percentile "
        f"{1000 * np.quantile(seconds, 0.99):.2f} ms, longest {1000 * max(seconds):.0f} ms"
    )
    raise SystemExit(1 if counts["corrected away, accepted"] else 0)


if __name__ == "__main__":
    main()
