"""The site's block in a file to which others write as well: the lines between two marks, the same as install.sh's."""

from __future__ import annotations

import re
from typing import NamedTuple

BEGIN = "# BEGIN nfsroot\n"
END = "# END nfsroot\n"
BLOCK = re.compile(rf"^{BEGIN}(.*?)^{END}", re.MULTILINE | re.DOTALL)


class Shared(NamedTuple):
    """A shared file in three parts: the text before the site's block, the block without its marks, the text after it.

    `block` is None where the file has none.
    """

    before: str
    block: str | None
    after: str

    @property
    def others(self) -> str:
        """The text of the file without the site's block."""
        return self.before + self.after


def split(text: str) -> Shared:
    """The three parts of a shared file's text."""
    found = BLOCK.search(text)
    if found is None:
        return Shared(text, None, "")
    return Shared(text[: found.start()], found[1], text[found.end() :])


def join(shared: Shared, block: str | None) -> str:
    """The text of a shared file with a new block in the place of the old one, or at the end; None removes the block."""
    if block is None:
        return shared.others
    before = shared.before if not shared.before or shared.before.endswith("\n") else f"{shared.before}\n"
    return f"{before}{BEGIN}{block}{END}{shared.after}"
