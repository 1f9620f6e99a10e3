"""Whether damaged files stay harmless: `python tests/benchmarks/fuzz.py [--files N | --seconds S]`.

Damages good files of each format that the program reads, each in another way from a seed: bytes
flipped, anywhere or in the header, sizes in the header made huge, the end cut off, a piece
doubled, left out or zeroed. Scans all of them at once. Each file must have a row, no page may
be over the time limit or end its worker, and the memory is limited. Prints what became of the
files of each format, the errors that were told, and the most time and memory; exit code 1
where something is wrong.

With `--seconds` or `--cases` it hands damaged pages, ZIPs, bodies of uploads, templates,
corrections, tables, samples of audits, model cards and jobs to their readers, in a worker process
(`fuzz_targets.py`). Each must be read, or refused with a message, in `--limit` seconds and
`_TARGET_MEMORY`. What is not is written into `--keep`, whose files are tried first each time:
commit them once the fault is mended. The same seed gives the same cases.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import itertools
import json
import re
import shutil
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
from fuzz_targets import attempt, good_texts, import_readers
from PIL import Image
from scanning import Scan, scan

import formreader
from formreader.batch.worker_process import (
    MemoryLimitError,
    TimeLimitError,
    WorkerDiedError,
    WorkerProcess,
)
from formreader.synth import FormSpec, render_form

DPI = 100
SAMPLES = Path(__file__).parents[2] / "samples"

_HEADER = 512
"""Bytes at the beginning of a file that hold its sizes and where its parts are."""

_MOST_MEMORY = 4096
"""MiB for two workers: a damaged header may claim 150 million pixels, which is the limit, and a
coloured page of these takes up to 1.3 GB while it is decoded (`input.open_page.MAX_PIXELS`)."""

_TARGET_MEMORY = 3 * 2**30
"""Bytes that one damaged file may take in its reader, with all that this has imported; see above
for coloured pages."""

KEPT = Path(__file__).with_name("fuzz_seeds")
"""Files that something was once wrong with."""

_TOKENS = (
    b"\0", b"\r", b"\n", b'"', b",", b";", b"\xff", b"\xef\xbb\xbf", b"\xe2\x80\xae", b"\\u0000",
    b"-1", b"1e999", b"nan", b"=1+1", b"{}", b"]", b"true", b"null", b"''", b"#", b"../..",
    b"9" * 5000, b"[" * 3000, b"a." * 3000, b"/dev/zero",
)  # fmt: skip
"""What parsers of texts trip over."""

_OVER_LIMIT = ("it took more than", "died twice")
"""What the errors of pages say that are not merely damaged."""

Damage = Callable[[bytes, np.random.Generator], bytes]


def good_files() -> dict[str, bytes]:
    """A page in each format, and its variants that are decoded by other ways, by name."""
    form = Image.fromarray(render_form(1, FormSpec(dpi=DPI, width=120, height=110)).image)
    grey, other, bitonal = form.convert("L"), form.convert("L").rotate(180), form.convert("1")
    two = {"save_all": True, "append_images": [other]}
    files = {
        "grey.png": _saved(grey, "PNG"),
        "palette.png": _saved(form.convert("RGB").quantize(16), "PNG"),
        "colour.jpg": _saved(form.convert("RGB"), "JPEG"),
        "progressive.jpg": _saved(grey, "JPEG", progressive=True),
        "plain.tif": _saved(grey, "TIFF", **two),
        "lzw.tif": _saved(grey, "TIFF", compression="tiff_lzw", **two),
        "jpeg.tif": _saved(form.convert("RGB"), "TIFF", compression="jpeg"),
        "fax.tif": _saved(bitonal, "TIFF", compression="group4"),
        "lossy.webp": _saved(form.convert("RGB"), "WEBP"),
        "lossless.webp": _saved(grey, "WEBP", lossless=True),
        "grey.bmp": _saved(grey, "BMP"),
        "colour.bmp": _saved(form.convert("RGB"), "BMP"),
        "jpeg.pdf": _saved(form.convert("RGB"), "PDF", resolution=DPI, **two),
    }
    return files | {"sample.pdf": (SAMPLES / "scan_in_pdf.pdf").read_bytes()}


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = BytesIO()
    image.save(stream, kind, **({"dpi": (DPI, DPI)} | options))
    return stream.getvalue()


def flip_bytes(data: bytes, random: np.random.Generator) -> bytes:
    return _flipped(data, random, len(data))


def flip_in_header(data: bytes, random: np.random.Generator) -> bytes:
    return _flipped(data, random, min(_HEADER, len(data)))


def _flipped(data: bytes, random: np.random.Generator, end: int) -> bytes:
    damaged = bytearray(data)
    for place in random.integers(end, size=random.integers(1, 17)):
        damaged[place] ^= random.integers(1, 256)
    return bytes(damaged)


def enlarge_in_header(data: bytes, random: np.random.Generator) -> bytes:
    """A number in the header becomes about the largest there is."""
    damaged = bytearray(data)
    length = int(random.choice([2, 4]))
    place = int(random.integers(min(_HEADER, len(data)) - length))
    damaged[place : place + length] = bytes(random.choice([0x7F, 0xFF], length).tolist())
    return bytes(damaged)


def cut(data: bytes, random: np.random.Generator) -> bytes:
    return data[: random.integers(len(data))]


def double_piece(data: bytes, random: np.random.Generator) -> bytes:
    start, end = _piece(data, random)
    return data[:end] + data[start:]


def leave_out_piece(data: bytes, random: np.random.Generator) -> bytes:
    start, end = _piece(data, random)
    return data[:start] + data[end:]


def zero_piece(data: bytes, random: np.random.Generator) -> bytes:
    start, end = _piece(data, random)
    return data[:start] + bytes(end - start) + data[end:]


def _piece(data: bytes, random: np.random.Generator) -> tuple[int, int]:
    """Where a piece begins and ends; short ones are as likely as long ones."""
    length = int(len(data) ** random.uniform(0, 1))
    start = int(random.integers(len(data) - length + 1))
    return start, start + length


DAMAGES: tuple[Damage, ...] = (
    flip_bytes, flip_in_header, enlarge_in_header, cut, double_piece, leave_out_piece, zero_piece,
)  # fmt: skip


def put_tokens(data: bytes, random: np.random.Generator) -> bytes:
    for _ in range(random.integers(1, 5)):
        at = int(random.integers(len(data) + 1))
        token = _TOKENS[random.integers(len(_TOKENS))]
        data = data[:at] + token + data[at + int(random.integers(12)) :]
    return data


def damage_files(folder: Path, number: int, seed: int) -> None:
    """Write damaged files: all formats by turns, each by all kinds of damage by turns."""
    folder.mkdir()
    good = list(good_files().items())
    for index in range(number):
        name, data = good[index % len(good)]
        damage = DAMAGES[index // len(good) % len(DAMAGES)]
        damaged = damage(data, np.random.default_rng((seed, index)))
        (folder / f"{index}-{damage.__name__}-{name}").write_bytes(damaged)


def outcome(row: dict[str, str]) -> str:
    """What a row says, without the names and numbers in it."""
    if row["field"] != "0":
        return "fields"
    reason = re.sub(r"\(.*\)", "(...)", row["message"])
    return f"{row['status']}: {re.sub('[0-9]+', 'N', reason)}"


def check(folder: Path, table: Path, log: Path, done: Scan) -> list[str]:
    """Print what became of the files; what is wrong."""
    with table.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    outcomes = defaultdict[str, set[str]](set)
    for row in rows:
        outcomes[row["file"]].add(outcome(row))
    files = {path.name for path in folder.iterdir()}
    by_format = defaultdict[str, Counter[str]](Counter)
    for file, found in outcomes.items():
        by_format[Path(file).suffix]["read" if "fields" in found else "not read"] += 1
    for suffix, counts in sorted(by_format.items()):
        print(f"{suffix:<8}{counts['read']:>5} read {counts['not read']:>5} not read")
    for told, count in Counter(o for found in outcomes.values() for o in found).most_common():
        print(f"{count:>5} {told}")
    pages = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    slowest = max(pages, key=lambda page: sum(page["seconds"].values()))
    seconds = sum(slowest["seconds"].values())
    print(f"{len(files)} files, {len(pages)} pages, {len(rows)} rows in {done.seconds:.1f} s;")
    print(f"slowest page {seconds:.2f} s ({slowest['file']}); peak memory {done.peak:.0f} MiB")
    faults = [f"{file}: no row" for file in files - outcomes.keys()]
    faults += [
        f"{row['file']}: {row['message']}"
        for row in rows
        if any(text in row["message"] for text in _OVER_LIMIT)
    ]
    if done.peak > _MOST_MEMORY:
        faults.append(f"{done.peak:.0f} MiB of memory")
    return faults


def good_inputs(folder: Path) -> dict[str, bytes]:
    """A good file of each kind and variant, by name; what comes before the dot is the kind."""
    page = folder / "page.png"
    page.write_bytes(good_files()["grey.png"])
    formreader.scan([page], folder / "r.csv", workers=1, report="none")
    job = (folder / "r.sqlite").read_bytes()
    return (
        good_texts() | {f"page.{n}": data for n, data in good_files().items()} | {"job.sqlite": job}
    )


def cases(good: dict[str, bytes], seed: int) -> Iterator[tuple[str, bytes]]:
    """Damaged files, without end: kinds by turns, of each its variants and all kinds of damage."""
    by_kind = defaultdict[str, list[str]](list)
    for name in good:
        by_kind[name.partition(".")[0]].append(name)
    for index in itertools.count():
        random = np.random.default_rng((seed, index))
        kinds = list(by_kind)
        names = by_kind[kinds[index % len(kinds)]]
        name = names[random.integers(len(names))]
        damages = (*DAMAGES, put_tokens, put_tokens)
        yield name, damages[random.integers(len(damages))](good[name], random)


def fuzz_readers(options: argparse.Namespace) -> list[str]:
    """Hand kept files and then damaged ones to their readers; what is wrong, a line each."""
    faults, tried, worker = dict[Path, str](), Counter[str](), None
    ends = time.monotonic() + (options.seconds or float("inf"))
    kept = [
        (path.name.partition("-")[2], path.read_bytes()) for path in sorted(options.keep.iterdir())
    ]
    with tempfile.TemporaryDirectory() as folder:
        good = good_inputs(Path(folder))
    sound = list(good.items())
    drawn = itertools.islice(cases(good, options.seed), options.cases)
    for name, data in itertools.chain(kept, sound, drawn):
        if time.monotonic() > ends:
            break
        worker = worker or WorkerProcess(import_readers, "fuzz_targets", _TARGET_MEMORY)
        try:
            wrong = worker.call((attempt, (name, data), {}), options.limit)
        except (MemoryLimitError, TimeLimitError, WorkerDiedError) as error:
            wrong, worker = f"{type(error).__name__}: {error}", None
        tried[name.partition(".")[0]] += 1
        # Of those that fail at the same line, one is kept.
        if wrong and wrong not in faults.values():
            place = options.keep / f"{hashlib.sha256(data).hexdigest()[:8]}-{name}"
            place.write_bytes(data)
            faults[place] = wrong
    if worker is not None:
        worker.end()
    print(", ".join(f"{count} {kind}" for kind, count in tried.items()))
    return [f"{place}: {wrong}" for place, wrong in faults.items()]


def main() -> None:
    """Damage, scan, check and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--model", default="digits")
    parser.add_argument("--seconds", type=float, help="hand files to readers for so long")
    parser.add_argument("--cases", type=int, help="hand so many files to readers")
    parser.add_argument("--limit", type=float, default=20, help="seconds that a reader may take")
    parser.add_argument(
        "--keep", type=Path, default=KEPT, help="folder of what something is wrong with"
    )
    options = parser.parse_args()
    if options.seconds or options.cases:
        if faults := fuzz_readers(options):
            raise SystemExit("\n".join(["FAULTS", *faults]))
        return
    place = Path(tempfile.mkdtemp(prefix="formreader-fuzz-"))  # stays where there is a fault
    folder, table, log = place / "files", place / "fuzz.csv", place / "fuzz.jsonl"
    damage_files(folder, options.files, options.seed)
    arguments = [folder, "--model", options.model, "--workers", 2, "--log-json", log]
    done = scan(table, *arguments, watched=True)
    if faults := check(folder, table, log, done):
        raise SystemExit("\n".join(["FAULTS", *faults, f"See {place}"]))
    shutil.rmtree(place)


if __name__ == "__main__":
    main()
