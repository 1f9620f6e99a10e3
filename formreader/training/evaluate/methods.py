"""The methods that are compared: four networks, nearest neighbours, a support vector machine.

Cover and Hart, "Nearest Neighbor Pattern Classification" (1967); Cortes and Vapnik,
"Support-Vector Networks" (1995). Both get the pixels of a crop, scaled to 0..1, as the networks
do. None of their settings was tuned on the digits that they are measured on.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from formreader.core.classes import CROP_SIDE, NOT_A_DIGIT, Crops
from formreader.core.model_folder import ONNX_FILE, file_hashes, load_graph
from formreader.core.options import Architecture, CompareOptions, Method, TrainOptions, usable_cores
from formreader.recognise.architectures import NetworkConfig, build_network
from formreader.recognise.runtimes import DIGIT_TRIAL
from formreader.training.data.examples import Examples
from formreader.training.fit.fitting import TrainProgress, fit
from formreader.training.onnx_graph import export_onnx

Guesses: TypeAlias = npt.NDArray[np.integer]
"""(n,), the most likely digit of each crop."""

NEIGHBOURS = 3
"""k of nearest neighbours: the best of 1 to 10 for MNIST's raw pixels (LeCun et al., 1998, also use
3)."""
SVM_PENALTY, SVM_WIDTH = 10.0, "scale"
"""C as is usual for MNIST, and scikit-learn's default gamma: 1 / (number of values x variance)."""
_SVM_CACHE_MB = 500
"""Memory for kernel values: more makes training faster."""
_CROPS_PER_CALL = 256
"""Crops that a thread gives to a network at a time."""
_CROP_PIXELS = CROP_SIDE * CROP_SIDE
"""Pixels of a crop."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained method: the function that reads digits, and the count of numbers it stores.

    `parameters` counts the weights of a network, normalisation included; for nearest neighbours
    the pixels of all examples; for an SVM the pixels and the weights of its support vectors.
    """

    read: Callable[[Crops], Guesses]
    parameters: int


def train_method(
    method: Method,
    training: Examples,
    validation: Examples,
    options: CompareOptions,
    progress: TrainProgress,
) -> Trained:
    """Train one method on the ten digits; only networks use `validation`.

    Raises:
        OSError: a network's checkpoints cannot be written.
    """
    match method:
        case "knn":
            return _nearest_neighbours(training)
        case "svm":
            return _support_vectors(training, options.seed)
        case _:
            return _network(method, training, validation, options, progress)


def _network(
    arch: Architecture,
    training: Examples,
    validation: Examples,
    options: CompareOptions,
    progress: TrainProgress,
) -> Trained:
    """Train a network, and read with its exported graph on the CPU, as scans do."""
    recipe = TrainOptions(
        arch=arch, augment=options.augment, epochs=options.epochs, batch=options.batch,
        seed=options.seed,
    )  # fmt: skip
    network = build_network(NetworkConfig(arch), options.seed)
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder)
        fit(
            network, training=training, scanned=training[np.arange(0)], validation=validation,
            options=recipe, run=run, progress=progress,
        )  # fmt: skip
        export_onnx(network, run / ONNX_FILE)
        session = load_graph(run, file_hashes(run, (ONNX_FILE,)), 1, DIGIT_TRIAL)

    def read_batch(crops: Crops) -> Guesses:
        (logits,) = session.run(["logits"], {"crops": crops})
        digits: Guesses = logits[:, :NOT_A_DIGIT].argmax(axis=1)
        return digits

    def read(crops: Crops) -> Guesses:
        batches = [
            crops[start : start + _CROPS_PER_CALL]
            for start in range(0, len(crops), _CROPS_PER_CALL)
        ]
        with ThreadPoolExecutor(usable_cores()) as pool:
            return np.concatenate(list(pool.map(read_batch, batches)))

    return Trained(read, network.count_params())


def _nearest_neighbours(training: Examples) -> Trained:
    from sklearn.neighbors import KNeighborsClassifier

    model = KNeighborsClassifier(NEIGHBOURS, weights="distance", n_jobs=usable_cores())
    model.fit(_pixels(training.crops), training.labels)
    return Trained(lambda crops: np.asarray(model.predict(_pixels(crops))), training.crops.size)


def _support_vectors(training: Examples, seed: int) -> Trained:
    from sklearn.svm import SVC

    model = SVC(C=SVM_PENALTY, gamma=SVM_WIDTH, cache_size=_SVM_CACHE_MB, random_state=seed)
    model.fit(_pixels(training.crops), training.labels)
    kept = (model.support_vectors_, model.dual_coef_, model.intercept_)
    return Trained(
        lambda crops: np.asarray(model.predict(_pixels(crops))), sum(part.size for part in kept)
    )


def _pixels(crops: Crops) -> npt.NDArray[np.float32]:
    """Flatten crops (n, 28, 28) to rows (n, 784) of 0..1."""
    return crops.reshape(-1, _CROP_PIXELS).astype(np.float32) / np.float32(255)
