"""Encoding of 3D scenes."""
