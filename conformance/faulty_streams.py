"""The faulty streams of the suite: each breaks one rule of one clause, with all CRCs right unless the CRC is the fault.

Streams are numbered in the order in which they are declared: ``faulty_content`` imports ``faulty_framing``, whose come first,
``faulty_graded`` follows, ``faulty_objects`` imports ``faulty_predicted``, whose come before its own; ``faulty_progs``,
``faulty_scene`` and ``faulty_scene_tools`` are last.
"""

from __future__ import annotations

import faulty_content  # noqa: F401
import faulty_graded  # noqa: F401
import faulty_objects  # noqa: F401
import faulty_predicted  # noqa: F401
import faulty_progs  # noqa: F401
import faulty_scene  # noqa: F401
import faulty_scene_tools  # noqa: F401
from faulty_tools import EXIT_CODES, FAULTY

__all__ = ["EXIT_CODES", "FAULTY"]
