"""What every worker imports: imported once, by the process that all workers are copies of.

ONNX Runtime is imported where it is first used, as most commands do without it. Here it is
imported before there is a worker, while the scan is still being prepared.
"""

import onnxruntime  # noqa: F401

import formreader.batch.worker_reading  # noqa: F401
