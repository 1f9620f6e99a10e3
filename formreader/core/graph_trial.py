"""Networks are tried once when they are loaded: on a known input, with a limit of time."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import onnxruntime

_MAX_TRIAL_SECONDS = 20.0
"""Longest time that a network may take for its known input. Those that ship take milliseconds."""


@dataclass(frozen=True, slots=True, eq=False)
class GraphTrial:
    """A known input of a network, and what its `output` must be: float32 numbers of a `shape`.

    The network may take `seconds` for it.
    """

    inputs: Mapping[str, npt.NDArray[np.uint8]]
    output: str
    shape: tuple[int, ...]
    seconds: float = _MAX_TRIAL_SECONDS

    def run(self, session: onnxruntime.InferenceSession) -> None:
        """Run a graph on the known input.

        Raises:
            ValueError: its answer is not of the expected kind, or it takes too long.
            Exception: ONNX Runtime cannot run it on this input; of several types.
        """
        import onnxruntime

        options = onnxruntime.RunOptions()
        options.log_severity_level = session.get_session_options().log_severity_level
        watchdog = threading.Timer(self.seconds, setattr, (options, "terminate", True))
        watchdog.daemon = True
        watchdog.start()
        try:
            (answer,) = session.run([self.output], dict(self.inputs), options)
        except Exception as error:  # its exceptions have no common base
            if options.terminate:
                raise ValueError(
                    f"it takes more than {self.seconds:g} s for one example"
                ) from error
            raise
        finally:
            watchdog.cancel()
        self.check(answer)

    def check(self, answer: Any) -> None:
        """Check the network's answer to the known input.

        Raises:
            ValueError: it is of another type or shape, or not all of its numbers are finite.
        """
        if not isinstance(answer, np.ndarray) or answer.dtype != np.float32:
            kind = getattr(answer, "dtype", type(answer).__name__)
            raise ValueError(f"its output {self.output} is {kind}, not float32")
        if answer.shape != self.shape:
            raise ValueError(
                f"its output {self.output} has the shape {answer.shape}, not {self.shape}"
            )
        if not np.isfinite(answer).all():
            raise ValueError(f"its output {self.output} is not finite for a known input")
