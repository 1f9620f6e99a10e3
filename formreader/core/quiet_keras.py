"""Import Keras without the messages of TensorFlow.

TensorFlow 2.21 writes messages about instruction sets and missing GPUs directly to the file
descriptor of standard error, before its log level takes effect. The import takes about 10 s.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

_STANDARD_ERROR = 2
"""File descriptor."""


def start_keras() -> None:
    """Import Keras and its backend quietly; where that fails, their messages are shown."""
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with hidden_stderr():
        import keras

        keras.distribution.list_devices()  # looks for GPUs now, not at the first layer


@contextmanager
def hidden_stderr() -> Iterator[None]:
    """Hide what the process writes to standard error; show it where the block fails."""
    sys.stderr.flush()
    kept = os.dup(_STANDARD_ERROR)
    with tempfile.TemporaryFile() as messages:
        os.dup2(messages.fileno(), _STANDARD_ERROR)
        try:
            yield
        except BaseException:
            messages.seek(0)
            os.write(kept, messages.read())
            raise
        finally:
            os.dup2(kept, _STANDARD_ERROR)
            os.close(kept)
