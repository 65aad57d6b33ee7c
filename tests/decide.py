"""What apt decides on short lists and on the whole ones: run in the builder image, beside the element debian-root.

Reads requests, one a line, packages by blanks, and writes for each a line of JSON: the request, and what apt-get
--simulate says of it with short lists and with whole ones.  The tree's dpkg knows what that of /input/base knows;
without a base the tree is empty.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, "/input/element")

import resolver

SCRATCH = Path("/scratch")
FIRST = ["?or(?essential,?priority(required))", "apt"]
"""What a tree without packages gets beside a request."""


def main() -> None:
    """Answer each request."""
    tree = make_tree(SCRATCH / "tree", Path("/input/base"))
    installed = resolver.names_installed(tree)
    whole = with_whole_lists(tree)
    for number, line in enumerate(sys.stdin):
        wanted = [*([] if installed else FIRST), *line.split()]
        short = resolver.Apt(tree, room(f"short-{number}"), resolver.relevant(resolver.INDEX, [*wanted, *installed]))
        answers = {"request": line.split(), "short": simulate(short, wanted), "whole": simulate(whole, wanted)}
        sys.stdout.write(json.dumps(answers) + "\n")


def make_tree(tree: Path, base: Path) -> Path:
    """A tree without files, whose dpkg knows what that of a base knows."""
    tree.mkdir()
    subprocess.run(["tar", "--extract", "--file=/input/skeleton.tar", f"--directory={tree}"], check=True)
    if base.exists():
        packed = sorted(base.glob("rest*.tar.zst"))
        rest = subprocess.Popen(["zstd", "--decompress", "--stdout", *packed], stdout=subprocess.PIPE)
        subprocess.run(["tar", "--extract", f"--directory={tree}", "var/lib/dpkg"], stdin=rest.stdout, check=True)
    return tree


def room(name: str) -> Path:
    """A directory for apt."""
    directory = SCRATCH / name
    directory.mkdir()
    return directory


def with_whole_lists(tree: Path) -> resolver.Apt:
    """apt as resolver.py has it, but with the whole lists."""
    place = room("whole")
    apt = resolver.Apt(tree, place, [])
    for path in resolver.LISTS.glob("*_*"):
        (place / "lists" / path.name).unlink(missing_ok=True)
        (place / "lists" / path.name).symlink_to(path)
    return apt


def simulate(apt: resolver.Apt, wanted: list[str]) -> list[str]:
    """What apt would do, in order; "impossible" when it cannot."""
    try:
        said = apt._run("--simulate", "install", *wanted)
    except subprocess.CalledProcessError:
        return ["impossible"]
    return re.findall(r"^(?:Inst|Conf|Remv) .*$", said, re.MULTILINE)


if __name__ == "__main__":
    main()
