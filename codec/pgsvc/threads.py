"""Work in threads whose outcomes, errors too, come in the order that they would have without."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


def at_once(jobs: Sequence[Callable[[], T]], threads: int) -> Iterator[T]:
    """What jobs return, done in up to so many threads, this one among them.

    The error of a job is raised in its place, when all have ended; with one thread, before the next begins.
    """
    if min(threads, len(jobs)) < 2:
        for job in jobs:
            yield job()
        return
    outcomes: dict[int, tuple[T | None, Exception | None]] = {}
    waiting = deque(enumerate(jobs))

    def work() -> None:
        while waiting:
            try:
                number, job = waiting.popleft()
            except IndexError:  # another thread was faster
                return
            try:
                outcomes[number] = job(), None
            except Exception as error:  # noqa: BLE001
                outcomes[number] = None, error

    helpers = [Thread(target=work) for _ in range(min(threads, len(jobs)) - 1)]
    for helper in helpers:
        helper.start()
    try:
        work()
    finally:
        for helper in helpers:
            helper.join()
    for number in range(len(jobs)):
        value, error = outcomes[number]
        if error is not None:
            raise error
        yield value  # type: ignore[misc]


def ahead(items: Iterator[T], count: int) -> Iterator[T]:
    """The same items, none of them None, taken in a thread up to ``count`` before they are asked for.

    An error comes in its item's place.
    """
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as reader:
        waiting = deque(reader.submit(next, items, None) for _ in range(count))
        try:
            while (item := waiting.popleft().result()) is not None:
                waiting.append(reader.submit(next, items, None))
                yield item
        finally:
            for one in waiting:
                one.cancel()
