"""Recipes made in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from builder.recipe.models import Recipe

SHADOW = "root:*:20000:0:99999:7:::\ndaemon:*:20000:0:99999:7:::\n"


def recipe_of(*, nodes: int = 4, **tables: Any) -> Recipe:
    """A resolved recipe of the page's cluster; `tables` replace whole tables of it."""
    server = {"name": "nfsserver", "address": "192.168.0.1"}
    cluster = {
        "name": "mycluster",
        "domain": "mycluster.home",
        "subnet": "192.168.0.0/16",
        "broadcast": "192.168.255.255",
        "dns": ["192.168.0.1"],
        "ntp": ["ntp.mycluster.home"],
        "server": server,
        "nodes": [
            {
                "name": f"ssi{n}",
                "address": f"192.168.{(100 + n) // 250}.{(100 + n) % 250 + 2}",
                "mac": f"52:54:00:00:{n // 256:02x}:{n % 256:02x}",
                "ordinal": n,
            }
            for n in range(1, nodes + 1)
        ],
    }
    empty = {key: {} for key in ("debian", "initramfs", "boot", "login", "variables")}
    return Recipe.model_validate(
        {
            **empty,
            "files": [Path("recipes/base.toml")],
            "kernel": {"package": "linux-image-amd64"},
            "image": {"name": "base"},
            "root": {"path": "/NFSROOT/base"},
            "kerrighed": None,
            "elements": (),
            "cluster": cluster,
            **tables,
        }
    )
