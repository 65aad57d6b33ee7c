"""What the lab needs of this machine."""

from __future__ import annotations

import shutil

import pytest

from builder.errors import InputError
from builder.lab import host
from builder.lab.vocabulary.hardware import Firmware


def test_what_the_lab_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every package that is missing is named, with the command that installs them all."""
    monkeypatch.setattr(host.os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda command, **_path: None if command in ("zstd", "ip") else command)
    with pytest.raises(InputError, match="lacks iproute2, zstd\napt-get install --no-install-recommends iproute2 zstd"):
        host.need(Firmware.BIOS)
    monkeypatch.setattr(host.os, "geteuid", lambda: 1000)
    with pytest.raises(InputError, match="only root may do"):
        host.need(Firmware.BIOS)


def test_uefi_needs_its_firmware(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without OVMF's files a node with UEFI cannot be powered on, one with a BIOS can."""
    monkeypatch.setattr(host, "_exist", lambda *_files: False)
    monkeypatch.setattr(shutil, "which", lambda command, **_path: command)
    assert host.find_missing_packages(Firmware.UEFI) == host.find_missing_packages(Firmware.SECURE_BOOT) == ["ovmf"]
    assert host.find_missing_packages(Firmware.BIOS) == []
