"""Keys that may not change by accident: a changed key makes every user's cache and releases miss.

When a test here fails and the change of keys is wanted, because a step got another input say, take the new
value from the failure's message, and write into CHANGELOG that the next build runs these steps anew.  When it
is not wanted, an input changed its form: put the form back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from made_up import known, made_up, make

import builder
from builder.boot import initramfs
from builder.container import image
from builder.keys import key_of
from builder.plan import planner
from builder.plan.model import Plan
from builder.tree import build as trees


@pytest.fixture
def plan(monkeypatch: pytest.MonkeyPatch) -> Plan:
    """The plan of the made-up recipe, as if our own code, version and settings never changed."""
    monkeypatch.setattr(planner.code, "digest", lambda step: step.name)
    monkeypatch.setattr(builder, "__version__", "0")
    monkeypatch.setattr(trees, "OWNED_PATHS", frozenset({"etc/fstab"}))
    monkeypatch.setattr(initramfs, "configuration", lambda initramfs, _root: initramfs.model_dump(mode="json"))
    return make(made_up(), known())


def names(inputs: Mapping[str, Any]) -> list[str]:
    """Names of the inputs, with those of a recipe's sections."""
    return sorted([*(name for name in inputs if name != "recipe"), *(f"recipe.{n}" for n in inputs.get("recipe", ()))])


def test_function_is_frozen() -> None:
    """The key of given inputs is the same in every version of nfsroot."""
    inputs = {"packages": ["nano", "vim"], "source_date": 1763200000, "debian": {"mirror": None}, "ä": True}
    assert key_of(inputs) == "201fb708289e8f65669f188a"


def test_names_of_inputs_are_frozen(plan: Plan) -> None:
    """Each step has these inputs and no others."""
    assert {step.name: names(step.inputs or {}) for step in plan.steps} == {
        "base": ["accounts", "archive", "code", "debian", "element", "image", "packages", "source_date"],
        "tree": [
            "accounts",
            "archive",
            "base",
            "code",
            "debian",
            "elements",
            "environment",
            "image",
            "owned_paths",
            "packages",
            "secrets",
            "source_date",
            "variables",
        ],
        "initramfs": ["code", "configuration", "tree"],
        "nic-drivers": ["code", "configuration", "tree"],
        "pxegrub": ["code", "image", "variants"],
        "overlay": [
            "code",
            "recipe.cluster",
            "recipe.files",
            "recipe.image",
            "recipe.kerrighed",
            "recipe.login",
            "recipe.logs",
            "recipe.root",
            "tool",
            "transport",
            "tree",
        ],
        "server-bundle": [
            "code",
            "initramfs",
            "nic-drivers",
            "pxegrub",
            "recipe.boot",
            "recipe.cluster",
            "recipe.files",
            "recipe.image",
            "recipe.kernel",
            "recipe.kerrighed",
            "recipe.logs",
            "recipe.root",
            "tool",
        ],
    }


def test_keys_are_frozen(plan: Plan) -> None:
    """The made-up recipe's steps have these keys, and its release this content."""
    assert {step.name: step.key for step in plan.steps} == {
        "base": "fd10a1e77bd3444e25912d58",
        "tree": "72a7329019e282da24b8f381",
        "initramfs": "df06ba3a5f61f6ee7e957fcb",
        "nic-drivers": "a6d01a57fd886b638e2e31d4",
        "pxegrub": "78e4e04ca5f232e7842e623d",
        "overlay": "de4e7124f5d8a69430efecea",
        "server-bundle": "7cc3e89ff5127cb1f2abcf4c",
    }
    assert plan.content == "3816fb6e8f6ee8b69bbfdb5f"


def test_inputs_of_the_builder_image_are_frozen() -> None:
    """The builder image depends on these and on nothing of the machine that makes it."""
    assert sorted(image.definition()) == ["code", "directories", "diskimage-builder", "packages", "suite"]
