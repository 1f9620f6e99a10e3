"""The board of development sets as a result file: `board_results.py BOARD.json --data FOLDER`.

The developers keep filled forms with hand-checked truth, which are not public, and a program that
scans them all and saves shares of what was right as JSON: the board. This script turns a saved
board into a result file, with counts: `--data` is the folder of the forms, whose truth is counted
and must be that of the board.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

from result_file import Figure, Figures, add_json_option, write_result

Board: TypeAlias = Mapping[str, Mapping[str, Any]]
"""Shares and counts by `SET:PART` for digits and `values:SET:PART` for values."""

FOREIGN = {
    "printed/filled": "blank forms of others, filled by a program",
    "forms": "filled forms of others",
}
COMPOSED = {
    "numbers/cheques": "amounts of real cheques in composed frames",
    "numbers/composed": "composed tables and frames of whole numbers",
    "rendered": "composed forms of boxes",
}
SETS = FOREIGN | COMPOSED
"""The sets by their folders, in words: first those whose forms others made."""

PARTS = {
    "rows of boxes": "rows of boxes",
    "cells": "cells for whole numbers",
    "acta_2025": "electoral records",
    "customer_form": "a customer form",
    "id_boxes": "forms with boxes for an identity number",
    "nist_hsf": "a form of rectangles for numbers",
    "sudoku": "newspaper sudokus",
    "tally_2019": "tallies of polling stations",
    "tally_older": "older tallies",
}
"""Parts of the sets in words; kinds of scans have their own names."""

SPLIT = ("rows of boxes", "cells")
"""Parts by what is filled in, not by page."""

KINDS = ("clean", "colour", "faint", "fax", "noisy", "photo", "skew")


def values(scores: Mapping[str, Any], pages: int | None) -> Figures:
    """What became of whole values: all that is written in a row of boxes, or in a cell."""
    n = scores["values"]
    right, accepted = (round(scores[f"{name}_share"] * n) for name in ("right", "accepted"))
    figures: dict[str, Figure] = {
        "pages": pages,
        "values": n,
        "right": [right, n],
        "accepted": [accepted, n],
        "accepted but wrong": [scores["wrong"], accepted],
        "not found": [scores["unseen"], n],
        "taken for blank": [scores["blanked"], n],
        "digits accepted where nobody wrote": scores.get("false_accepted"),
        "for review where nobody wrote": scores.get("false_review"),
    }
    return figures


def boxes(scores: Mapping[str, Any], truth: Counter[str]) -> Figures:
    """What became of boxes for one digit each."""
    accepted = count(scores["accepted_share"], truth["digit"])
    marks = count(scores["marks_not_accepted_as_digit"], truth["mark"])
    return {
        "boxes found": [count(scores["box_recall"], truth["box"]), truth["box"]],
        "digits right": [count(scores["digits_right_end_to_end"], truth["digit"]), truth["digit"]],
        "accepted": [accepted, truth["digit"]],
        "accepted but wrong": [scores["accepted_wrong"], accepted],
        "digits taken for blank": [scores["digits_read_as_blank"], truth["digit"]],
        "found blanks called blank, %": percent(scores["blank_right"]),
        "marks accepted as a digit": [truth["mark"] - marks, truth["mark"]],
    }


def count(share: float | None, n: int) -> int:
    """How many of `n` a share is."""
    return round((share or 0) * n)


def percent(share: float | None) -> float | None:
    """A share in per cent."""
    return None if share is None else 100 * share


def count_truth(file: Path) -> dict[str, Counter[str]]:
    """Pages, boxes, digits and marks of a set by part, and as "" of all of it."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    pages = set()
    with file.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            content, page = row["digit"].strip(), (row["file"], row["page"])
            if page not in pages:
                pages.add(page)
                for part in ("", row["file"].split("/")[0]):
                    counts[part]["page"] += 1
            if content == "?" or row.get("kind") == "open" or content.isdigit() * len(content) > 1:
                continue
            kind = "blank" if not content else "digit" if content.isdigit() else "mark"
            for part in ("", row["file"].split("/")[0]):
                counts[part].update(("box", kind))
    return counts


def board_figures(board: Board, data: Path) -> Figures:
    """All figures of the board, those on forms that nobody of the project drew first.

    Raises:
        SystemExit: the truth is not that of the board.
    """
    truth = {name: count_truth(data / name / "truth.csv") for name in SETS}

    def rows(name: str, words: str, parts: Iterable[str]) -> dict[str, Figures]:
        """Values of parts of a set; "" is all of it."""
        found: dict[str, Figures] = {}
        for part in parts:
            told = PARTS.get(part, part)
            key, pages = f"values:{name}:{part or name}", truth[name][part]["page"]
            if key in board:
                title = ": ".join(filter(None, (words, told)))
                found[title] = values(board[key], pages or None)
        return found

    def tables(sets: Mapping[str, str], parts: Iterable[str]) -> dict[str, Figures]:
        return {
            title: row
            for name, words in sets.items()
            for title, row in rows(name, words, parts).items()
        }

    return {
        "Values on forms that nobody of this project drew": tables(FOREIGN, ("", *SPLIT)),
        "Values on composed forms": tables(COMPOSED, ("",)),
        "By scan: blank forms of others, filled by a program": rows("printed/filled", "", KINDS),
        "By form: filled forms of others": rows(
            "forms", "", [part for part in PARTS if part not in SPLIT]
        ),
        "Boxes for one digit": {
            f"{words}{f': {PARTS[part]}' if part else ''}": boxes(board[key], truth[name][part])
            for name, words in SETS.items()
            for part in ["", *PARTS]
            if (key := f"{name}:{part or name}") in board
            and board[key]["box_recall"] is not None
            and _checked(board[key], truth[name][part], key)
        },
    }


def _checked(scores: Mapping[str, Any], truth: Counter[str], key: str) -> bool:
    """Whether the truth is that of the scores: a share must be one of its count."""
    for name, n in (("box_recall", truth["box"]), ("accepted_share", truth["digit"])):
        share = scores[name]
        if share is not None and (not n or abs(round(share * n) / n - share) > 1e-5):
            raise SystemExit(f"{key}: {name} is {share}, which is no share of {n}. Wrong --data?")
    return True


def main() -> None:
    """Read the board, write the result file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("board", type=Path, help="what the board saved")
    parser.add_argument("--data", type=Path, required=True, help="folder of the sets")
    parser.add_argument("--version", required=True, help="of the formreader that was measured")
    add_json_option(parser)
    options = parser.parse_args()
    board = json.loads(options.board.read_text(encoding="utf-8"))
    figures = board_figures(board, options.data)
    day = datetime.fromtimestamp(options.board.stat().st_mtime, UTC).date()
    write_result(options.json, figures, version=options.version, day=day)
    if options.json is None:
        print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
