"""A recipe and a state of the world that no change of the project touches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel

from builder.build import STEPS as ALL_STEPS
from builder.plan.model import Plan
from builder.plan.planner import make_plan
from builder.plan.step import Known
from builder.recipe.models import Recipe

ELEMENT = Path(__file__).parent / "debian-root"
IMAGE, ARCHIVE, SOURCE_DATE = "a" * 24, "b" * 24, 1763200000
STEPS = ("base", "tree", "initramfs", "nic-drivers", "pxegrub", "overlay", "server-bundle")


def known(**changes: Any) -> Known:
    """An image, an archive and an empty cache."""
    return Known(**{"image": IMAGE, "archive": ARCHIVE, "source_date": SOURCE_DATE, **changes})


def make(recipe: Recipe, facts: Known) -> Plan:
    """The plan of a recipe's build."""
    return make_plan(ALL_STEPS, recipe, facts)


def made_up() -> Recipe:
    """A recipe with a value for every key, and with an element of these tests' own: its content counts."""
    return Recipe.model_validate(
        {
            "files": [Path("recipes/mine.toml")],
            "image": {"name": "mine", "version": None, "description": "Mine"},
            "debian": {
                "suite": "trixie",
                "architecture": "amd64",
                "components": ["main"],
                "mirror": None,
                "packages": ["nano"],
            },
            "kernel": {"package": "linux-image-amd64", "arguments": ["quiet"]},
            "initramfs": {"modules": [], "nic_drivers": ["igb"], "compression": "zstd", "compression_level": 9},
            "root": {"path": "/NFSROOT/mine", "access": "ro", "writable": [{"path": "/tmp", "kind": "tmpfs"}]},
            "boot": {"variants": ["i386-pc"], "uefi": "secure-boot", "timeout_seconds": 1},
            "login": {"root_password_hash": None, "ssh_keys": []},
            "kerrighed": {"session_id": 1, "node_ids": {}, "cluster_file": True},
            "elements": [{"name": "debian-root", "path": ELEMENT, "description": "Root", "packages": ["netbase"]}],
            "variables": {},
            "cluster": {
                "name": "mycluster",
                "domain": "mycluster.home",
                "subnet": "192.168.0.0/24",
                "gateway": "192.168.0.1",
                "broadcast": "192.168.0.255",
                "dns": ["192.168.0.1"],
                "ntp": ["192.168.0.1"],
                "server": {"name": "nfsserver", "address": "192.168.0.1", "interface": "eth0"},
                "nodes": [{"name": "ssi1", "address": "192.168.0.101", "mac": "52:54:00:00:01:01", "ordinal": 1}],
            },
        }
    )


def changed(model: BaseModel, field: str, value: Any) -> Any:
    """A copy of `model` with another value of `field`, a dotted path."""
    name, _, rest = field.partition(".")
    return model.model_copy(update={name: changed(getattr(model, name), rest, value) if rest else value})
