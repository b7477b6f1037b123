"""Encoding of 3D scenes: import, importance, layers, quantisation, writing."""
