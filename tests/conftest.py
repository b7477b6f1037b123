"""One torch thread: the pictures of the tests are small, and threads that wait for each other cost more than they bring."""

from __future__ import annotations

import contextlib

with contextlib.suppress(ImportError):
    import torch

    torch.set_num_threads(1)
