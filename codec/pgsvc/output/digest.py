"""Writers that keep no pictures: MD5 sums for conformance tests, and nothing at all for timing."""

from __future__ import annotations

import hashlib

from pgsvc.output.base import Writer
from pgsvc.output.target import FileTarget
from pgsvc.picture import Picture, PictureFormat


class Md5Writer(Writer):
    """MD5 of the raw planes (`Picture.tobytes`), for each picture and over all.

    With a path, closing writes the sum over all pictures to it, as one line of hexadecimal digits.

    Attributes:
        frame_md5s: one string of hexadecimal digits for each picture.
    """

    kind = "md5"

    def __init__(self, format: PictureFormat, path: str | None = None) -> None:
        super().__init__(format)
        self.frame_md5s: list[str] = []
        self._sum = hashlib.md5()
        self._target = None if path is None else FileTarget(path)

    def hexdigest(self) -> str:
        """MD5 over the bytes of all pictures so far, as if they were one .yuv file."""
        return self._sum.hexdigest()

    def _put(self, picture: Picture) -> None:
        data = picture.tobytes()
        self._sum.update(data)
        self.frame_md5s.append(hashlib.md5(data).hexdigest())

    def _finish(self) -> None:
        if self._target is not None:
            self._target.write(self.hexdigest().encode("ascii") + b"\n")
            self._target.commit()

    def _discard(self) -> None:
        if self._target is not None:
            self._target.discard()

    def _where(self) -> str:
        return f": {self.hexdigest()}"


class NullWriter(Writer):
    """Counts pictures and drops them."""

    kind = "null"

    def _put(self, picture: Picture) -> None:
        pass

    def _where(self) -> str:
        return ", discarded"
