"""Which packages are installed, found out without importing them."""

from __future__ import annotations

import importlib.util


def is_installed(module: str) -> bool:
    """Whether a top-level module can be imported."""
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:  # an import hook that refuses it
        return False
