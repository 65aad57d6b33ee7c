"""A node whose menu names a kernel that is not on the server boots the release that it had before.

Menus are links to a generation of them, made by install.sh as each release ships it.  test_suites.py, test_uefi.py and
test_http.py have nodes that fall back, too, each in the file of the other tests of its boot.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from first_boot import assert_fell_back, booted

from builder.cache import Cache
from builder.lab.released.release import Release
from builder.lab.vocabulary.hardware import Firmware

pytestmark = pytest.mark.boot

OWN_LOADER = """\
[boot]
uefi = "x86_64-efi"
"""


@pytest.mark.full  # of what is together here, UEFI falls back in two boots, and a menu in this syntax in one
def test_uefi(variant_to_boot: Callable[..., Release], cache: Cache) -> None:
    """By UEFI and GRUB as we link it, from a menu in GRUB legacy's syntax."""
    release = variant_to_boot("boot-fallback", OWN_LOADER)
    assert_fell_back(booted(release, cache, Firmware.UEFI, faults=["missing-kernel"]))
