"""The plan: which steps run and why, from what is known."""

from __future__ import annotations

from typing import Any

from made_up import STEPS, changed, known, made_up, make

from builder.plan.model import Plan
from builder.recipe.models import Recipe


def reasons(plan: Plan) -> dict[str, str]:
    """Why each step runs or not."""
    return {step.name: step.reason for step in plan.steps}


def after(built: Recipe, now: Recipe, **changes: Any) -> Plan:
    """The plan of `now` when `built` was built before and its objects are in the cache."""
    before = make(built, known())
    objects = {(step.name, step.key) for step in before.steps}
    return make(now, known(has=lambda step, key: (step, key) in objects, last=before.inputs(), **changes))


def test_steps_in_order() -> None:
    """A build has these steps in this order."""
    assert tuple(step.name for step in make(made_up(), known()).steps) == STEPS


def test_first_build() -> None:
    """When nothing was built before, every step runs for that reason, and the content is known."""
    plan = make(made_up(), known())
    assert set(reasons(plan).values()) == {"runs: never built here"}
    assert plan.content is not None
    assert not any(step.reuse for step in plan.steps)


def test_nothing_known() -> None:
    """On a new machine no key is known, and each step says what it waits for."""
    plan = make(made_up(), known(image=None, archive=None, source_date=None))
    assert reasons(plan) == {
        "base": "runs: the builder image is to be made first",
        "tree": "runs: the builder image is to be made first",
        "initramfs": "runs: it depends on the tree",
        "nic-drivers": "runs: it depends on the tree",
        "pxegrub": "runs: the builder image is to be made first",
        "overlay": "runs: it depends on the tree",
        "server-bundle": "runs: it depends on the initramfs",
    }
    assert all(step.key is None for step in plan.steps)
    assert plan.content is None
    assert plan.release is None


def test_archive_not_asked() -> None:
    """Without an archive, what needs only the image has its key."""
    plan = make(made_up(), known(archive=None))
    assert plan.step("tree").reason == "runs: the archive was not asked yet"
    assert plan.step("pxegrub").key is not None
    assert plan.content is None


def test_one_more_node_costs_two_small_steps() -> None:
    """A node that is added renders overlay and bundle anew and reuses all that is dear."""
    cluster = made_up().cluster
    node = cluster.nodes[0].model_copy(update={"name": "ssi2", "ordinal": 2})
    plan = after(made_up(), changed(made_up(), "cluster.nodes", (*cluster.nodes, node)))
    assert reasons(plan) == {
        "base": "unchanged",
        "tree": "unchanged",
        "initramfs": "unchanged",
        "nic-drivers": "unchanged",
        "pxegrub": "unchanged",
        "overlay": "runs: recipe.cluster.nodes: + ssi2",
        "server-bundle": "runs: recipe.cluster.nodes: + ssi2",
    }
    assert [step.reuse for step in plan.steps] == [True, True, True, True, True, False, False]


def test_one_more_package_says_so() -> None:
    """A package that is added makes a new tree for that reason, and what stands on the tree follows it."""
    plan = after(made_up(), changed(made_up(), "debian.packages", ("nano", "vim")))
    assert reasons(plan) == {
        "base": "unchanged",
        "tree": "runs: packages: + vim",
        "initramfs": "runs: tree changed",
        "nic-drivers": "runs: tree changed",
        "pxegrub": "unchanged",
        "overlay": "runs: tree changed",
        "server-bundle": "runs: initramfs changed; nic-drivers changed",
    }


def test_drivers_are_named() -> None:
    """A changed archive of drivers says which came and which went."""
    plan = after(made_up(), changed(made_up(), "initramfs.nic_drivers", ("tg3",)))
    assert plan.step("nic-drivers").reason == "runs: configuration.nic/default: + tg3, - igb"
    assert plan.step("initramfs").reason == "unchanged"


def test_lost_object_says_so() -> None:
    """An object that was cleaned away is made again although nothing changed."""
    before = make(made_up(), known())
    plan = make(made_up(), known(last=before.inputs()))
    assert plan.step("tree").reason == "runs: its object is not in the cache any more"
    assert plan.step("overlay").reason == "runs: the release's version is new"


def test_release_of_that_content() -> None:
    """When a release holds this content, there is nothing to do, whatever is in the cache."""
    content = make(made_up(), known()).content
    plan = make(made_up(), known(release=lambda asked: "1.0" if asked == content else None))
    assert plan.release == "1.0"
    assert all(step.reuse and step.reason == "unchanged" for step in plan.steps)


def test_plan_is_pure() -> None:
    """The same recipe and the same world have the same plan."""
    assert make(made_up(), known()) == make(made_up(), known())
