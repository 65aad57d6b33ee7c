"""The command nfsroot with an archive that has no security suite: the state from before the updates of today."""

from __future__ import annotations

import sys

from builder.cli.main import main
from builder.debian import update
from builder.recipe.models import Debian

HOOK = "--setup-hook=sed -i '/-security/d' \"$1/etc/apt/sources.list\""
"""What mmdebstrap(1) does before it asks the archive."""

call_mmdebstrap = update._mmdebstrap


def leave_out(debian: Debian, *options: str, target: str) -> tuple[str, ...]:
    """A call of mmdebstrap(1) that leaves out the security suite."""
    return call_mmdebstrap(debian, HOOK, *options, target=target)


if __name__ == "__main__":
    update._mmdebstrap = leave_out
    sys.exit(main())
