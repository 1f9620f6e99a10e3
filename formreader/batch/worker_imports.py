"""What every worker imports: imported once, by the process that all workers are copies of.

Much of it is imported only where it is first used, as most commands do without. Here it is imported
before there is a worker, while the scan is still being prepared. Nothing of it is garbage, so the
collector, which takes a tenth of the time of imports, neither looks at it now nor in the workers.
"""

# ruff: noqa: E402, F401
import gc

gc.disable()

import numpy.ma  # which np.quantile imports when it is first called
import onnxruntime

import formreader.batch.worker_reading
import formreader.reading.one_page

gc.freeze()
gc.enable()
