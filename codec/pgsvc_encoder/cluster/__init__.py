"""Segments of a video coded on the machines of a Ray cluster (``--cluster``). Only ``task`` and ``coder`` import Ray."""
