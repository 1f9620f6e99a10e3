"""Load a model by its name or folder, ready to read crops.

On a CPU the exported graph runs in ONNX Runtime, as importing Keras would take ten seconds. On a
GPU the Keras model itself runs.
"""

from __future__ import annotations

from formreader.core.errors import UsageError
from formreader.core.installed import is_installed
from formreader.core.model_folder import model_folder
from formreader.core.options import DEFAULT_MODEL, Device, usable_cores
from formreader.recognise import runtimes
from formreader.recognise.model_card import read_card
from formreader.recognise.recogniser import Recogniser


def load_recogniser(
    model: str = DEFAULT_MODEL,
    device: Device = "auto",
    batch: int = 1024,
    threads: int | None = None,
) -> Recogniser:
    """Load a recogniser.

    Args:
        model: name of a model that ships with the program, or a model folder.
        device: `auto` uses the GPU if there is one and TensorFlow has CUDA.
        batch: number of crops in one call of the network.
        threads: number of threads on the CPU; None for one per usable core.

    Raises:
        ModelError: the model folder is missing, damaged, or of another version.
        UsageError: `device` is `gpu` and there is none, or `batch` is not positive.
    """
    if batch < 1:
        raise UsageError(f"--batch must be at least 1. Received: {batch}")
    if device == "gpu" and not runtimes.has_gpu():
        raise UsageError(
            "--device gpu: this machine has no NVIDIA GPU or no driver for it. Use --device cpu."
        )
    folder = model_folder(model)
    card = read_card(folder)
    if device == "gpu" and not is_installed("tensorflow"):
        raise UsageError(
            "--device gpu: TensorFlow is not installed. Run pip install 'formreader[gpu]', or use "
            "--device cpu."
        )
    if runs_on_cpu(device):
        return runtimes.OnnxRecogniser.load(folder, card, batch, threads or usable_cores())
    return runtimes.KerasRecogniser.load(folder, card, batch)


def runs_on_cpu(device: Device) -> bool:
    """Whether models run in ONNX Runtime on the CPU, given what the user chose."""
    return device == "cpu" or (device == "auto" and not runtimes.can_use_gpu())
