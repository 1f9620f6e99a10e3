"""What the page network gets right on pages that it was not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime

from formreader.look.page_maps import LAYERS
from references.page_network.training_pages import TrainingPage

_NAMES = ("ruled across", "ruled down", "print", "pen")


def measure(graph: Path, pages: Sequence[TrainingPage]) -> dict[str, float]:
    """Recall and precision of each layer's pixels, and the share of print that is called pen."""
    options = onnxruntime.SessionOptions()
    session = onnxruntime.InferenceSession(str(graph), options)
    counts = np.zeros((LAYERS, 3))
    print_pixels = print_as_pen = 0
    for page in pages:
        rows, columns = (side // 32 * 32 for side in page.image.shape)
        image, layers = 255 - page.image[:rows, :columns], page.layers[:rows, :columns]
        (maps,) = session.run(["maps_out"], {"darkness": image})
        half = layers[::2, ::2] | layers[1::2, ::2] | layers[::2, 1::2] | layers[1::2, 1::2]
        found = maps[: 4 * LAYERS].reshape(LAYERS, 2, 2, rows // 4, columns // 4)
        found = found.transpose(0, 3, 1, 4, 2).reshape(LAYERS, rows // 2, columns // 2) > 0
        for k in range(LAYERS):
            true = (half >> k & 1) > 0
            counts[k] += (true & found[k]).sum(), true.sum(), found[k].sum()
        only_print = half == 1 << 2
        print_pixels += only_print.sum()
        print_as_pen += (only_print & found[3]).sum()
    figures = {"print called pen": float(print_as_pen / max(print_pixels, 1))}
    for name, (both, true, found) in zip(_NAMES, counts, strict=True):
        figures[f"{name}: recall"] = float(both / max(true, 1))
        figures[f"{name}: precision"] = float(both / max(found, 1))
    return {name: round(value, 4) for name, value in figures.items()}
