"""3D scenes: layered Gaussian splats in space (spec 10)."""
