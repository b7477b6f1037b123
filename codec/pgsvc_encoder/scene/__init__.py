"""Coding of 3D scenes: from splats of other programs to layers."""
