"""Batch reading of handwritten digits in the boxes of scanned forms."""

from formreader.core.version import __version__

__all__ = ["__version__"]
