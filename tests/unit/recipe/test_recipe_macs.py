from __future__ import annotations

import random

import pytest
from recipe_project import CLUSTER, Project

from builder.recipe.macs import normalize_mac

MACS = ("52:54:00:00:01:01", "52:54:00:00:01:02")


@pytest.fixture
def with_file(project: Project) -> Project:
    """A project whose recipe `mine` reads its MAC addresses from a file."""
    listed = 'macs = ["52:54:00:00:01:01", "52:54:00:00:01:02"]'
    project.write("recipes/clusters/filed.toml", CLUSTER.replace(listed, 'macs_file = "macs.csv"'))
    project.write("recipes/mine.toml", 'extends = "base"\ncluster = "clusters/filed.toml"\n')
    return project


@pytest.mark.parametrize(
    "text",
    [
        f"{MACS[0]}\n{MACS[1]}\n",
        f"mac\n{MACS[0]}\n{MACS[1]}\n",
        f"name,mac\nssi2,{MACS[1]}\nssi1,{MACS[0]}\n",
        f"\ufeffname,mac\nssi2,{MACS[1]}\nssi1,{MACS[0]}\n",
        "name,mac\nssi1,525400000101\nssi2,5254.0000.0102\n",
        f"# rack 1\nRack, MAC ,Name\n1, {MACS[1].upper()},ssi2\n\n1,{MACS[0].replace(':', '-')},ssi1\n2,zz,other\n",
    ],
)
def test_files_of_mac_addresses(with_file: Project, text: str) -> None:
    """With a header names find their MAC addresses in any order; without, lines follow the nodes."""
    with_file.write("recipes/clusters/macs.csv", text)
    assert tuple(node.mac for node in with_file.load().cluster.nodes) == MACS


@pytest.mark.parametrize(
    ("text", "mistakes"),
    [
        ("", ["macs.csv:1:1: no header with a column mac; write name,mac in the first line"]),
        ("ssi1,52:54:00:00:01:01\n", ["macs.csv:1:1: no header with a column mac; write name,mac in the first line"]),
        (
            "name,mac\nssi1\n",
            ["macs.csv:2:1: this line has fewer columns than the header; fill it up"],
        ),
        (
            f"name,mac\nssi1,{MACS[0]}\n",
            ["filed.toml:11:13: recipes/clusters/macs.csv has no MAC address for 'ssi2'; add them there"],
        ),
        (
            f"name,mac\nssi1,{MACS[0]}\nssi1,{MACS[1]}\nssi2,zz\n",
            [
                "macs.csv:3:6: 'ssi1' has a MAC address already, at recipes/clusters/macs.csv:2:6; keep one of them",
                "macs.csv:4:6: 'zz': no MAC address; "
                "write its twelve hexadecimal digits, such as 52:54:00:12:34:56 or 5254.0012.3456",
            ],
        ),
        ("name,mac\n", ["filed.toml:11:13: 2 names but 0 MAC addresses; give one for each node"]),
        (f"{MACS[0]}\n", ["filed.toml:11:13: 2 names but 1 MAC addresses; give one for each node"]),
        (
            f"{MACS[0]}\n\n{MACS[0]}\n",
            [
                f"macs.csv:3:1: MAC address '{MACS[0]}' is given already at recipes/clusters/macs.csv:1:1; "
                "every machine needs its own MAC address"
            ],
        ),
    ],
)
def test_mistaken_files(with_file: Project, text: str, mistakes: list[str]) -> None:
    """A mistake in a file of MAC addresses is shown in its line."""
    with_file.write("recipes/clusters/macs.csv", text)
    assert with_file.mistakes() == [f"recipes/clusters/{mistake}" for mistake in mistakes]


def test_missing_file(with_file: Project) -> None:
    """A file that is not there is a mistake of the line that names it."""
    assert with_file.mistakes() == [
        "recipes/clusters/filed.toml:11:13: recipes/clusters/macs.csv cannot be read: No such file or directory; "
        "write a path relative to this file"
    ]


@pytest.mark.parametrize("size", [2, 4, 6, 12])
@pytest.mark.parametrize("sign", [":", "-", ".", " "])
def test_forms_of_a_mac_address(size: int, sign: str) -> None:
    """Digits in groups of any usual size, joined by any usual sign, in either case, mean the same address."""
    dice = random.Random(f"{size}{sign}")
    for _ in range(50):
        digits = f"{dice.randrange(1 << 48):012x}"
        plain = ":".join(digits[at : at + 2] for at in range(0, 12, 2))
        written = sign.join(digits[at : at + size] for at in range(0, 12, size))
        assert normalize_mac(written) == plain
        assert normalize_mac(written.upper()) == plain


def test_pairs_may_lack_a_zero() -> None:
    """Some systems write pairs without the zero at the front."""
    assert normalize_mac("8:0:20:a:1:ff") == "08:00:20:0a:01:ff"


@pytest.mark.parametrize(
    "text",
    ["", "52:54:00:00:01", "52:54:00-00-01-02", "5254:000:00102", "52:54:00:00:01:0g", "52:54:00:00:01:02:03",
     "+1:54:00:00:01:02", "5254000001022", ":::::", "525400000102 ", "0x525400000102", "\uff152:54:00:00:01:02"],
)  # fmt: skip
def test_what_is_no_mac_address(text: str) -> None:
    """Digits too few or too many, groups of several sizes, several signs and other digits mean nothing."""
    assert normalize_mac(text) is None
