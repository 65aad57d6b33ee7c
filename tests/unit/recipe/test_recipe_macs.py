from __future__ import annotations

import pytest
from recipe_project import CLUSTER, Project

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
                "macs.csv:4:6: 'zz': no MAC address of a NIC; write six pairs such as 52:54:00:12:34:56",
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
