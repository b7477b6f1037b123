"""The output of pgsvc-enc, whatever the input is: where it may be written."""

from __future__ import annotations

from pathlib import Path

from pgsvc.cli.common import refuse_same_file
from pgsvc.errors import UsageError


def check_output(source: str, output: str) -> None:
    """Looked at before work begins.

    Raises:
        UsageError: there is no folder for the output, or it would replace the input.
    """
    if not Path(output).parent.is_dir():
        raise UsageError(f"the folder of {output} does not exist")
    refuse_same_file(source, output)
