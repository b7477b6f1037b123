"""Where the machines of a cluster write the numbers of finished frames; apart, because it needs none of the encoder's libraries."""

from __future__ import annotations

import asyncio


class Board:
    """Runs as a Ray actor of its own process."""

    def __init__(self) -> None:
        self._frames: list[int] = []
        self._news = asyncio.Event()

    async def tell(self, frame: int) -> None:
        """The frame is finished."""
        self._frames.append(frame)
        self._news.set()

    async def take(self) -> list[int]:
        """Numbers of frames since the last time; waits until there is one."""
        await self._news.wait()
        self._news.clear()
        frames, self._frames = self._frames, []
        return frames
