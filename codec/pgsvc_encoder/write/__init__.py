"""Writing: symbols and headers to chunks (spec 6, 7)."""
