"""The three ways in which work fails, and the words shown for them.

Every room raises one of these, so that a job shell knows what to do without knowing the room: come back later,
give up with a reason that a person can read, or stop until the store is connected anew.
"""

from __future__ import annotations


class ReferinsError(Exception):
    """Base of all errors that this application raises on purpose. `str(error)` is a sentence for people."""


class RetryLater(ReferinsError):
    """The outside world did not play along; the same call may pass later.

    `after_seconds` is the wait that the other side asked for, or None where it named none.
    """

    def __init__(self, message: str, after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.after_seconds = after_seconds


class Final(ReferinsError):
    """It will never pass as asked: the input must change."""


class StoreMustReconnect(ReferinsError):
    """The store no longer accepts our keys; its work pauses until somebody reconnects it.

    `cause` is one of the causes of `stores.connection`.
    """

    def __init__(self, message: str, cause: str) -> None:
        super().__init__(message)
        self.cause = cause


class InvalidInput(Final):
    """A value that a person or a client gave cannot be used.

    `field` names it, `message` says what is wrong and what to do.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


class LeaseLost(ReferinsError):
    """Another worker holds the lease now: whatever this one was about to write must not be written."""
