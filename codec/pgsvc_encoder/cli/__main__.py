import sys

from pgsvc_encoder.cli import main

sys.exit(main())
