"""Packages that the security archive has, from package lists as apt names them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from builder.debian import index
from builder.debian.archive import INDEX, Archive
from builder.debian.security import find_fixed

LISTS = {
    "mirror.example_debian_dists_trixie_main_binary-amd64_Packages": [("a", "1-1", "amd64"), ("b", "1", "all")],
    "mirror.example_debian_dists_trixie-updates_main_binary-amd64_Packages": [("a", "1-2", "amd64")],
    "mirror.example_debian-security_dists_trixie-security_main_binary-amd64_Packages": [
        ("a", "1:1-1+deb13u10", "amd64"),
        ("a", "1:1-1+deb13u9", "amd64"),
        ("other", "1", "amd64"),
    ],
    "mirror.example_debian-security_dists_forky-security_main_binary-amd64_Packages": [("b", "2", "all")],
    "mirror.example_x_dists_trixieXsecurity_main_binary-amd64_Packages": [("b", "3", "all")],
}


def test_versions_of_the_suites_security_archive(tmp_path: Path) -> None:
    """Only versions in lists of the suite's security archive count, the oldest first, epochs included."""
    lists = tmp_path / "lists"
    lists.mkdir()
    for name, packages in LISTS.items():
        stanzas = (f"Package: {one}\nVersion: {two}\nArchitecture: {three}\n" for one, two, three in packages)
        (lists / name).write_text("\n".join(stanzas))
    index.make(lists, tmp_path / INDEX)
    archive = Archive("digest", datetime(2026, 1, 1, tzinfo=UTC), tmp_path, tmp_path / INDEX)
    assert find_fixed(archive, "trixie", ["a", "b", "none"]) == {("a", "amd64"): ("1:1-1+deb13u9", "1:1-1+deb13u10")}
