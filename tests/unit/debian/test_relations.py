"""Versions of packages and relations between them, as dpkg sees them."""

from __future__ import annotations

import random
import subprocess

import pytest

from builder.debian.relations import Relation, read, version_key

SEED, PAIRS = 20261128, 60
OPERATORS = {"<<": "lt", "<=": "le", "=": "eq", ">=": "ge", ">>": "gt"}


def drawn(chance: random.Random) -> str:
    """A version with the signs that versions may have."""
    epoch = chance.choice(["", "", "", "0:", "1:"])
    upstream = str(chance.randint(0, 3)) + "".join(chance.choices("0019.+~ab", k=chance.randint(0, 4)))
    return epoch + upstream + chance.choice(["", "-0", "-1", "-1~deb1", "-1+b2", "-2.1", "-1-1"])


def test_versions_compare_as_dpkg_says() -> None:
    """Each operator admits of two versions drawn by chance what `dpkg --compare-versions` does."""
    chance = random.Random(SEED)
    for _ in range(PAIRS):
        one, other = drawn(chance), drawn(chance)
        operator = chance.choice(sorted(OPERATORS))
        argv = ["dpkg", "--compare-versions", one, OPERATORS[operator], other]
        expected = subprocess.run(argv, check=False).returncode == 0
        assert Relation("x", operator, other).admits(one) is expected, f"{one} {operator} {other}"


@pytest.mark.parametrize(
    "versions",
    [("1.0~rc1", "1.0", "1.0+b1", "1.0.1"), ("1.0-1~bpo12+1", "1.0-1", "1.0-1+deb13u2", "1.0-2"), ("9", "1:0")],
)
def test_order_of_versions(versions: tuple[str, ...]) -> None:
    """A tilde sorts before the end, an epoch before all else, a revision last."""
    assert sorted(reversed(versions), key=version_key) == list(versions)


def test_stanza() -> None:
    """Dependencies keep their alternatives, conflicts and breaks are one, and a package provides its own name."""
    package = read(
        "Package: mutt\nVersion: 1:2.2-1\nDepends: libc6 (>= 2.38), default-mta | mail-transport-agent,\n python3:any\n"
        "Pre-Depends: init\nConflicts: elm\nBreaks: sup (<< 1.0)\nProvides: imap-client, mail-reader (= 2)\n"
    )
    assert [" | ".join(map(str, group)) for group in package.depends] == [
        "init",
        "libc6 (>= 2.38)",
        "default-mta | mail-transport-agent",
        "python3",
    ]
    assert package.against == (Relation("elm"), Relation("sup", "<<", "1.0"))
    assert package.provides == {"imap-client": "", "mail-reader": "2", "mutt": "1:2.2-1"}


@pytest.mark.parametrize(
    ("relation", "meant"),
    [
        (Relation("mutt", ">=", "1:2.2"), True),
        (Relation("mutt", "<<", "1:2.2"), False),
        (Relation("mail-reader", "=", "2"), True),
        (Relation("mail-reader", ">>", "2"), False),
        (Relation("imap-client"), True),
        (Relation("imap-client", ">=", "1"), False),
        (Relation("elm"), False),
    ],
)
def test_what_a_relation_means(relation: Relation, meant: bool) -> None:
    """A name that is provided without a version is not meant by a relation that asks for one (policy, section 7.5)."""
    package = read("Package: mutt\nVersion: 1:2.2-1\nProvides: imap-client, mail-reader (= 2)\n")
    assert package.has(relation) is meant
