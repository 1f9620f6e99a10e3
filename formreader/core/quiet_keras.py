"""Importing Keras without what TensorFlow tells on the way.

TensorFlow 2.21 writes of its instruction sets and of missing GPUs to standard error before
its own log level counts, past Python, and takes about 10 s.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

_STANDARD_ERROR = 2


def start_keras() -> None:
    """Import Keras with its backend, quietly; what was told is shown where that fails."""
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with held_back():
        import keras

        keras.distribution.list_devices()  # looks for GPUs now rather than at the first layer


@contextmanager
def held_back() -> Iterator[None]:
    """Holds back what the process writes to standard error, unless the block fails."""
    sys.stderr.flush()
    kept = os.dup(_STANDARD_ERROR)
    with tempfile.TemporaryFile() as told:
        os.dup2(told.fileno(), _STANDARD_ERROR)
        try:
            yield
        except BaseException:
            told.seek(0)
            os.write(kept, told.read())
            raise
        finally:
            os.dup2(kept, _STANDARD_ERROR)
            os.close(kept)
