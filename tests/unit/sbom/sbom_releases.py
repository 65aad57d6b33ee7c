"""A release with packages of which dpkg and their copyright files tell."""

from __future__ import annotations

from made_releases import Made, package

from builder.recipe.models import Recipe

STATUS = """\
Package: base
Status: install ok installed
Priority: required
Architecture: amd64
Multi-Arch: foreign
Source: base-source (1:2.0-1)
Version: 1:2.0-1+b1
Provides: thing (= 3)
Maintainer: Some Body <somebody@example.org>
Homepage: https://example.org/base?a=1&b=2
Description: what all need
 and more text

Package: tool++
Status: install ok installed
Architecture: amd64
Version: 0.9~rc1-1
Pre-Depends: base (>= 1:1)
Depends: missing | thing (>= 2), base:any (>= 1:2), gone (>= 5) | tool++
Maintainer: no address
Description: a tool with a name that identifiers cannot have

Package: ours
Status: install ok installed
Architecture: all
Version: 1.0
Depends: tool++, thing (>= 9) | thing
Description: made by ourselves

Package: half
Status: deinstall ok config-files
Architecture: amd64
Version: 1

Package: linux-image-6.12.1-amd64
Status: install ok installed
Architecture: amd64
Version: 6.12.1-1
Description: kernel
"""
COPYRIGHT = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: base

Files: *
Copyright: 2026 Some Body
License: GPL-2+ or Odd, and Expat

Files: debian/*
Copyright: 2026 Some Body
License: BSD-3-clause
 Text of it.
 .
 More text.

License: Odd
 Do what you like with <this>.
"""
DPKG = {
    "SHA256SUMS": f"{'a' * 64}  base_1%3a2.0-1+b1_amd64.deb\n{'b' * 64}  tool++_0.9~rc1-1_amd64.deb\n",
    "var/lib/dpkg/status": STATUS,
    "usr/share/doc/base/copyright": COPYRIGHT,
    "usr/share/doc/tool++/copyright": "All rights are somewhere else.\n",
}


def made(recipe: Recipe, version: str = "1.0") -> Made:
    """A release with these packages, and the tools that its boot loader is made of."""
    return Made(
        recipe,
        version,
        packages=[package("base", "1:2.0-1+b1", source="base-source"), package("tool++", "0.9~rc1-1")],
        steps={"tree": "t" * 24},
        tools={"nfsroot": "0.1.0", "grub-pc-bin": "2.12-9", "tar": "1.35"},
        dpkg=DPKG,
    )
