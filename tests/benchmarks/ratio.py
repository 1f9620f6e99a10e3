"""What a page costs against decoding it: `python tests/benchmarks/ratio.py [--pages N]`.

Renders forms at 300 dpi on A4 (8.7 megapixels), about 110 boxes each, as JPEG files of each
kind of scan. Then, in one thread and in turn for each page: decoding the file to grey as OpenCV
does it, straightening, finding, cropping. Prints medians of the best of some rounds in
milliseconds, and the ratio of the last three together to decoding.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.image_pyramid import Pyramid
from formreader.core.records import GreyImage
from formreader.crop.box_crops import crop_boxes
from formreader.detect.field_finder import find_fields
from formreader.preprocess.straighten import straighten
from formreader.synth import KINDS, Filling, FormSpec, Kind, Plan, render_form

STAGES = ("decode", "straighten", "find", "crop")
QUALITY = 90


def jpeg_page(kind: Kind, seed: int) -> npt.NDArray[np.uint8]:
    """A filled A4 form at 300 dpi as the bytes of a JPEG file."""
    plan = Plan(box_height=(6.0, 8.0), filling=Filling(blanks=0.15), distractors=0.4)
    page = render_form(seed, FormSpec(("comb", "mixed")[seed % 2], kind, dpi=300, plan=plan))
    image = page.image if page.image.ndim == 2 else page.image[..., ::-1]
    return np.asarray(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1])


@contextmanager
def timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    """Times the block; it counts if it is the shortest of its stage so far."""
    began = time.perf_counter()
    yield
    seconds[stage] = min(seconds.get(stage, np.inf), time.perf_counter() - began)


def measure(file: npt.NDArray[np.uint8], rounds: int) -> tuple[dict[str, float], int]:
    """Seconds of each stage for one page, the best of some rounds, and its boxes."""
    seconds: dict[str, float] = {}
    for _ in range(rounds):
        with timed(seconds, "decode"):
            grey: GreyImage = np.asarray(cv2.imdecode(file, cv2.IMREAD_GRAYSCALE), np.uint8)
        with timed(seconds, "straighten"):
            straight = straighten(Pyramid(grey))
        with timed(seconds, "find"):
            found = find_fields(straight)
        boxes = [box for row in found.rows for box in row]
        with timed(seconds, "crop"):
            crop_boxes(Pyramid(grey), boxes)
    return seconds, len(boxes)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pages", type=int, default=3, help="forms of each kind")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=("clean", "noisy", "photo"))
    options = parser.parse_args()
    cv2.setNumThreads(1)
    print(f"{'kind':<12}{'boxes':>7}" + "".join(f"{s:>12}" for s in STAGES) + f"{'ratio':>8}")
    for kind in options.kinds:
        files = [jpeg_page(kind, 500 + i) for i in range(options.pages)]
        measured = [measure(file, options.rounds) for file in files]
        typical = {s: float(np.median([seconds[s] for seconds, _ in measured])) for s in STAGES}
        ratio = sum(typical[s] for s in STAGES[1:]) / typical["decode"]
        boxes = float(np.mean([count for _, count in measured]))
        milliseconds = "".join(f"{1000 * typical[s]:>12.1f}" for s in STAGES)
        print(f"{kind:<12}{boxes:>7.0f}{milliseconds}{ratio:>8.2f}", flush=True)


if __name__ == "__main__":
    main()
