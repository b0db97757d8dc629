"""What can go wrong.

CapscopeError
└── InputError      the user's mistake: exit 2
    ├── CacheError      the vectors' cache cannot be read or written
    ├── FolderError     a model or index folder that is not whole or not ours
    └── WeightsError    the encoder's weights are missing or not the expected ones
"""

from __future__ import annotations

import errno
import os


class CapscopeError(Exception):
    """Any error that capscope raises on purpose."""


class InputError(CapscopeError):
    """Something the user gave cannot be used.

    Every message has three parts: what was found, what was expected, what to do.
    """

    def __init__(self, found: str, expected: str, todo: str) -> None:
        """Join the three parts into one message."""
        self.found, self.expected, self.todo = found, expected, todo
        super().__init__(f"{found}; expected {expected}. {todo}")


class CacheError(InputError):
    """The cache of vectors is damaged, of another version, or cannot be written."""


class FolderError(InputError):
    """A model or index folder is damaged, of another version, or holds what it must not."""


class WeightsError(InputError):
    """The encoder's weights cannot be found, or are not the ones that were asked for."""


class Terminated(KeyboardInterrupt):
    """SIGTERM: to be stopped like by Ctrl-C, with the time to leave things whole."""


UNWRITABLE = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
)
"""Errors of a disk that is full or may not be written."""


def unwritable(error: OSError) -> InputError | None:
    """Return the error as the user's where the disk is full or may not be written, else None."""
    if error.errno not in UNWRITABLE:
        return None
    place = f" ({error.filename})" if error.filename else ""
    return InputError(
        f"cannot write: {os.strerror(error.errno)}{place}",
        "room, and the right to write",
        "Mend that, and run the command again.",
    )
