"""Command lines. Data go to stdout, everything else to stderr; imports are late so that ``--help`` answers at once."""
