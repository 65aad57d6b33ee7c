"""Keys that may not change by accident: a changed key makes every user's cache and releases miss.

When a test here fails and the change of keys is wanted, because a step got another input say, take the new
value from the failure's message, and write into CHANGELOG that the next build runs these steps anew.  When it
is not wanted, an input changed its form: put the form back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from made_up import known, made_up

import builder
from builder.container import image
from builder.keys import key_of
from builder.plan import make as planning
from builder.plan.model import Plan


@pytest.fixture
def plan(monkeypatch: pytest.MonkeyPatch) -> Plan:
    """The plan of the made-up recipe, as if our own code, version and settings never changed."""
    monkeypatch.setattr(planning.code, "digest", lambda step: step)
    monkeypatch.setattr(builder, "__version__", "0")
    monkeypatch.setattr(planning, "OWNED_PATHS", frozenset({"etc/fstab"}))
    monkeypatch.setattr(planning.initramfs, "configuration", lambda initramfs, _root: initramfs.model_dump(mode="json"))
    return planning.make(made_up(), known())


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
        "base": ["archive", "code", "debian", "element", "image", "packages", "source_date"],
        "tree": [
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
            "recipe.access",
            "recipe.cluster",
            "recipe.files",
            "recipe.image",
            "recipe.kerrighed",
            "recipe.root",
            "tool",
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
            "recipe.root",
            "tool",
        ],
    }


def test_keys_are_frozen(plan: Plan) -> None:
    """The made-up recipe's steps have these keys, and its release this content."""
    assert {step.name: step.key for step in plan.steps} == {
        "base": "9aafac781dd452d58193b927",
        "tree": "c3d4d7530898f13715495ef5",
        "initramfs": "f9aa15849e296efda3397840",
        "nic-drivers": "ea14bbeea10fcee3bee19837",
        "pxegrub": "78e4e04ca5f232e7842e623d",
        "overlay": "a5636a5ea19931d16fa8900f",
        "server-bundle": "23436db490289a5fa5034102",
    }
    assert plan.content == "74cfc3e8029ebf6fa7f04006"


def test_inputs_of_the_builder_image_are_frozen() -> None:
    """The builder image depends on these and on nothing of the machine that makes it."""
    assert sorted(image.definition()) == ["code", "directories", "diskimage-builder", "packages", "suite"]
