"""The error classes of the decoder (spec B.2). Libraries raise them; command lines turn them into exit codes."""

from __future__ import annotations


class PgsError(Exception):
    """Base of every error that this project raises on purpose.

    ``exit_code`` is what a command line returns for it.
    """

    exit_code = 1


class NeedMoreData(PgsError):
    """The bytes so far are a valid beginning; feed more."""


class BadStream(PgsError):
    """The stream breaks a rule of the specification.

    Args:
        message: what is wrong, in one sentence.
        clause: the clause of the specification that is broken, such as ``"4.3"``.
        offset: byte position in the stream, where it is known.
    """

    def __init__(self, message: str, *, clause: str, offset: int | None = None) -> None:
        self.message = message
        self.clause = clause
        self.offset = offset
        place = "" if offset is None else f" at byte {offset}"
        super().__init__(f"{message}{place} (spec {clause})")


class Unsupported(PgsError):
    """A legal stream that this version cannot decode."""

    exit_code = 3

    def __init__(self, message: str, *, clause: str) -> None:
        self.message = message
        self.clause = clause
        super().__init__(f"{message} (spec {clause})")


class LimitExceeded(PgsError):
    """Decoding would need more than the limits allow (spec annex A); raise them with ``--allow`` if you trust the stream."""

    exit_code = 4

    def __init__(self, message: str, *, clause: str = "A.1") -> None:
        self.message = message
        self.clause = clause
        super().__init__(f"{message} (spec {clause})")


class HashMismatch(PgsError):
    """A decoded picture does not have the hash that the stream carries (spec 6.6)."""

    clause = "6.6"

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(f"{message} (spec {self.clause})")


class UsageError(PgsError):
    """The caller asked for something that cannot be done; the message says what to change."""

    exit_code = 2


class MissingExtra(UsageError):
    """An optional dependency is not installed; the message holds the pip line that brings it."""

    def __init__(self, purpose: str, extra: str) -> None:
        super().__init__(f"{purpose} needs the extra '{extra}': pip install 'pgsvc[{extra}]'")
