"""``python -m pgsvc_encoder.cli``: the same as pgsvc-enc."""

import sys

from pgsvc_encoder.cli import main

if __name__ == "__main__":
    sys.exit(main())
