"""The site's part of a file that others write as well: the lines between two marks (install.sh has the same ones)."""

from __future__ import annotations

import re
from typing import NamedTuple

BEGIN = "# BEGIN nfsroot\n"
END = "# END nfsroot\n"
BLOCK = re.compile(rf"^{BEGIN}(.*?)^{END}", re.MULTILINE | re.DOTALL)


class Shared(NamedTuple):
    """A file in three parts: what others wrote before the site's block, the block without its marks, and the rest.

    `block` is None where the file has none.
    """

    before: str
    block: str | None
    after: str

    @property
    def others(self) -> str:
        """What others wrote."""
        return self.before + self.after


def split(text: str) -> Shared:
    """The parts of a file."""
    found = BLOCK.search(text)
    if found is None:
        return Shared(text, None, "")
    return Shared(text[: found.start()], found[1], text[found.end() :])


def join(shared: Shared, block: str | None) -> str:
    """The file with another block in the place of its own, or at its end; None takes the block away."""
    if block is None:
        return shared.others
    before = shared.before if not shared.before or shared.before.endswith("\n") else f"{shared.before}\n"
    return f"{before}{BEGIN}{block}{END}{shared.after}"
