"""Predicted frames: differences to the decoded frame before (P-GSVC section 3.6, closed loop)."""
