"""KVM is tried once for each boot of this machine, version of QEMU, and kernel."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.cache import Cache
from builder.lab.machine import accelerator
from builder.lab.vocabulary.hardware import Accelerator


class Inside:
    """A machine whose /dev/kvm is a file that may be there."""

    def __init__(self, kvm: Path) -> None:
        self.kvm = kvm

    def path(self, _inside: str) -> Path:
        return self.kvm


@pytest.fixture
def probed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The kernels with which KVM was really tried; it runs none of them."""
    kernels: list[str] = []

    def probe(_machine: object, kernel: str, _log: Path) -> Accelerator:
        kernels.append(kernel)
        return Accelerator.TCG

    monkeypatch.setattr(accelerator, "probe_kvm", probe)
    monkeypatch.setattr(accelerator, "read_boot_id", lambda: "first")
    monkeypatch.setattr(accelerator, "read_qemu_version", lambda: "7.2")
    return kernels


def ask(directory: Path, kernel: str = "/release/vmlinuz-6.1") -> Accelerator:
    """What the lab takes, on a machine that has a /dev/kvm."""
    (directory / "kvm").touch()
    inside = Inside(directory / "kvm")
    return accelerator.find_accelerator(Cache(directory / "cache"), inside, kernel, directory / "log")  # type: ignore[arg-type]


def test_kvm_is_tried_once(tmp_path: Path, probed: list[str]) -> None:
    """A second lab takes the first one's result."""
    assert [ask(tmp_path), ask(tmp_path)] == [Accelerator.TCG] * 2
    assert probed == ["/release/vmlinuz-6.1"]


@pytest.mark.parametrize("what", ["read_boot_id", "read_qemu_version"])
def test_kvm_is_tried_again(tmp_path: Path, probed: list[str], what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a boot of this machine, with another QEMU or with another kernel, it may come out differently."""
    ask(tmp_path)
    monkeypatch.setattr(accelerator, what, lambda: "another")
    ask(tmp_path)
    ask(tmp_path, "/release/vmlinuz-6.12")
    assert len(probed) == 3


def test_no_kvm(tmp_path: Path, probed: list[str]) -> None:
    """Without /dev/kvm there is nothing to try, and nothing to remember."""
    inside = Inside(tmp_path / "kvm")
    found = accelerator.find_accelerator(Cache(tmp_path / "cache"), inside, "/k", tmp_path / "log")  # type: ignore[arg-type]
    assert found is Accelerator.TCG
    assert probed == []
    assert not (tmp_path / "cache").exists()
