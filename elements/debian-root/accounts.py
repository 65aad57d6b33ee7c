"""The numbers of a tree's system accounts: one for each name in all trees, whatever else is installed, and when.

adduser(8), systemd-sysusers(8) and useradd(8) take the next free number, which depends on the packages installed
before.  When a tree's packages are installed, and again when its hooks have run, accounts and their files get the
numbers of this rule (docs/adr/0026-numbers-of-accounts.md):

1. the number in NFSROOT_ACCOUNTS, from the recipe: `slurm=900 munge=901`;
2. the number in the file account-numbers;
3. a number that follows from the name's SHA-256, among numbers that the file does not have.

Numbers outside of 100 to 999, which Debian gives to no system account of a package, stay as they are, unless the recipe
names the account.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

TABLE = Path(__file__).resolve().with_name("account-numbers")
DYNAMIC = range(100, 1000)
"""The numbers that adduser(8), systemd-sysusers(8) and useradd(8) give to system accounts in Debian."""
HASHED = range(700, 1000)
"""The numbers for accounts that are not in the table."""
STATIC = {"users"}
"""The groups of base-passwd with a number in the range DYNAMIC; it is theirs on all machines."""
KEPT = "security.capability"
"""An extended attribute that Linux removes from a file when its owner changes, like setuid and setgid."""
RESOLUTION = """\
Give one of them a number of its own in the recipe; it must then stay, since what the account owns on servers has it:
[debian]
accounts = { NAME = NUMBER }"""

Numbers = Mapping[int, int]
"""The new numbers of accounts, by their old ones."""


class ClashError(Exception):
    """Two accounts would get one number; the message names both."""


class Rule:
    """The rule that gives each account its number."""

    def __init__(self, chosen: Mapping[str, int], table: Mapping[str, int]) -> None:
        self._chosen, self._table = chosen, table

    def number(self, name: str, number: int) -> int:
        """The number for the account `name`, which has `number` now."""
        if name in self._chosen:
            return self._chosen[name]
        if number not in DYNAMIC or name in STATIC:
            return number
        digest = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8])
        return self._table.get(name) or HASHED[digest % len(HASHED)]


def settle(tree: Path) -> None:
    """Give the accounts of a tree, and the files that they own, the numbers of the rule.

    :raises ClashError: two accounts would get one number.
    """
    rule = Rule(chosen(os.environ.get("NFSROOT_ACCOUNTS", "")), table(TABLE.read_text("utf-8")))
    passwd, group = tree / "etc/passwd", tree / "etc/group"
    if not passwd.exists():
        return
    users, groups = rows(passwd), rows(group)
    uids, gids = numbers(users, rule, "users"), numbers(groups, rule, "groups")
    if uids or gids:
        rewrite(passwd, [[*row[:2], changed(row[2], uids), changed(row[3], gids), *row[4:]] for row in users])
        rewrite(group, [[*row[:2], changed(row[2], gids), *row[3:]] for row in groups])
        give(owned(tree, {*uids}, {*gids}), uids, gids)


def chosen(text: str) -> dict[str, int]:
    """The numbers from the recipe, in a text of words NAME=NUMBER."""
    return {name: int(number) for name, _, number in (word.rpartition("=") for word in text.split())}


def table(text: str) -> dict[str, int]:
    """The numbers in the file account-numbers."""
    lines = (line.split() for line in text.splitlines() if not line.startswith("#"))
    return {name: int(number) for number, name in lines}


def rows(file: Path) -> list[list[str]]:
    """The fields of each line of passwd(5) or group(5)."""
    return [line.split(":") for line in file.read_text("utf-8", "surrogateescape").splitlines() if line]


def numbers(accounts: Iterable[list[str]], rule: Rule, kind: str) -> Numbers:
    """The numbers that change; `kind` says in words whether the accounts are users or groups."""
    new: dict[int, int] = {}
    owners: dict[int, str] = {}
    for name, _, number, *_ in accounts:
        old = int(number)
        if old in new:  # a second name for the same account, which a hook made
            continue
        new[old] = rule.number(name, old)
        if new[old] in owners:
            raise ClashError(f"the {kind} {owners[new[old]]} and {name} would both have the number {new[old]}")
        owners[new[old]] = name
    return {old: number for old, number in new.items() if old != number}


def changed(number: str, by: Numbers) -> str:
    """The new number for a number in a line; a number that does not change stays."""
    return str(by.get(int(number), number))


def rewrite(file: Path, lines: Iterable[list[str]]) -> None:
    """Replace the lines of a file; owner and mode stay."""
    file.write_text("".join(f"{':'.join(line)}\n" for line in lines), "utf-8", "surrogateescape")


def owned(tree: Path, uids: set[int], gids: set[int]) -> Iterator[bytes]:
    """The paths on the tree's own file system that one of these users or groups owns; of hard links, one."""
    wanted = [("-uid", uid) for uid in sorted(uids)] + [("-gid", gid) for gid in sorted(gids)]
    tests = [word for test, number in wanted for word in ("-o", test, str(number))][1:]
    command = ["find", tree, "-xdev", "(", *tests, ")", "-printf", r"%i %p\0"]
    found = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.split(b"\0")[:-1]
    return iter({inode: path for inode, _, path in (line.partition(b" ") for line in found)}.values())


def give(paths: Iterable[bytes], uids: Numbers, gids: Numbers) -> None:
    """Change user and group of each path to the new numbers; mode and file capabilities stay."""
    for path in paths:
        status = os.lstat(path)
        capability = os.getxattr(path, KEPT, follow_symlinks=False) if KEPT in listed(path) else None
        os.chown(path, uids.get(status.st_uid, -1), gids.get(status.st_gid, -1), follow_symlinks=False)
        if status.st_mode & 0o6000 and not os.path.islink(path):  # noqa: PTH114  (bytes)
            os.chmod(path, status.st_mode & 0o7777)  # noqa: PTH101
        if capability is not None:
            os.setxattr(path, KEPT, capability, follow_symlinks=False)


def listed(path: bytes) -> list[str]:
    """The names of a path's extended attributes."""
    return os.listxattr(path, follow_symlinks=False)


def refuse(error: ClashError) -> None:
    """Write the refusal of the tree in the form that a build reads (builder/debian/refusals.py), and exit."""
    refusal = {"brief": str(error), "details": "", "resolution": RESOLUTION}
    Path("/output/refusal").write_text(json.dumps(refusal), "utf-8")
    sys.exit(str(error))
