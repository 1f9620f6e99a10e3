"""Exit codes and the exceptions that own them.

All code raises them; one place of the command line turns them into a message and an exit
code. Every message names the file, the cause and what to do about it.
"""

from __future__ import annotations

import errno
from enum import IntEnum
from typing import TypeGuard

_NO_ROOM = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
"""Errors of the system: no space left, quota used up, file too large."""


def is_disk_full(error: BaseException) -> TypeGuard[OSError]:
    """Whether something could not be written because there is no room for it."""
    return isinstance(error, OSError) and error.errno in _NO_ROOM


class ExitCode(IntEnum):
    """Exit codes of the command line; they are part of the interface."""

    DONE = 0
    BUG = 1
    USAGE = 2
    NO_INPUT = 3
    TEMPLATE = 4
    MODEL = 5
    OUTPUT = 6
    PAGES_FAILED = 10
    INTERRUPTED = 130


class FormreaderError(Exception):
    """Base of all errors that a user can correct."""

    exit_code = ExitCode.BUG


class UsageError(FormreaderError):
    """An option has an impossible value, or options contradict one another."""

    exit_code = ExitCode.USAGE


class NoInputError(FormreaderError):
    """None of the paths given leads to a page."""

    exit_code = ExitCode.NO_INPUT


class TemplateError(FormreaderError):
    """A template is missing or wrong."""

    exit_code = ExitCode.TEMPLATE


class ModelError(FormreaderError):
    """The model folder is missing, damaged, or of another version."""

    exit_code = ExitCode.MODEL


class OutputError(FormreaderError):
    """A result file cannot be written."""

    exit_code = ExitCode.OUTPUT


class PageError(FormreaderError):
    """A page cannot be read. It becomes a row with the status `error`; the batch goes on."""

    exit_code = ExitCode.PAGES_FAILED
