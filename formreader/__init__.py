"""Batch reading of handwritten digits in the boxes of scanned forms."""

__version__ = "0.5.0"
