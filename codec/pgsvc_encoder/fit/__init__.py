"""Fitting splats to pictures: what makes the numbers that are then quantised and written."""
