"""Which faults there are, and what each takes for borne."""

from __future__ import annotations

from typing import Any

import pytest

from builder.cli.lab import FAULTS as OFFERED
from builder.errors import InputError
from builder.lab.faults import FAULTS, select_faults
from builder.lab.faults.model import BootFault, Outcome, describe_fault, judge_boot, judge_stop
from builder.lab.report.report import Stop
from builder.lab.vocabulary.phase import Phase
from builder.lab.wire.event import Kind, WireEvent
from builder.recipe.choices import Access, WritableKind
from builder.recipe.models import Recipe, WritableDirectory

KERNEL = Stop(phase=Phase.KERNEL, reason="ssi1 hung for 30 s in phase kernel", details="")
GRUB = Stop(phase=Phase.GRUB, reason="ssi1 hung for 75 s in phase GRUB", details="")
DEFAULT = WireEvent(9.0, "52:54:00:00:01:01", Kind.TFTP_DONE, "/grub/default")


def fault(name: str) -> BootFault:
    """The fault of that name, which befalls a booting node."""
    found = next(each for each in FAULTS if each.name == name)
    assert isinstance(found, BootFault)
    return found


def outcome(recipe: Recipe, stopped: Stop | None = None, *events: WireEvent) -> Outcome:
    """A boot that ran or stopped."""
    return Outcome(recipe, stopped, {Phase.DHCP: 5.0, Phase.LOADER: 14.0}, events)


def test_the_command_offers_every_fault() -> None:
    """`--fault` takes the name of each fault there is, and no name is given twice."""
    assert list(OFFERED) == [each.name for each in FAULTS]
    assert len(set(OFFERED)) == len(OFFERED)


def test_faults_are_told_in_words() -> None:
    """A fault's check says what is done and what must hold."""
    assert describe_fault(fault("slow-tftp")) == (
        "slow-tftp",
        "the TFTP server is 2 ms late with each block: the node boots",
    )


def test_faults_by_name(kerrighed: Recipe) -> None:
    """Faults come in their own order, whatever order they are asked for in; `all` stands for every one."""
    assert [each.name for each in select_faults(["hang", "nfs-outage"], kerrighed)] == ["nfs-outage", "hang"]
    assert select_faults(["hang", "all"], kerrighed) == FAULTS


def test_nothing_to_lose(kerrighed: Recipe) -> None:
    """Where nodes write nothing to the server an outage of NFS cannot lose it: asking for that is a mistake."""
    memory = (WritableDirectory(path="/var", kind=WritableKind.TMPFS),)
    root = kerrighed.root.model_copy(update={"access": Access.READ_ONLY, "writable": memory})
    volatile = kerrighed.model_copy(update={"root": root})
    assert [each.name for each in FAULTS if each not in select_faults(["all"], volatile)] == ["nfs-outage"]
    with pytest.raises(InputError, match="nfs-outage"):
        select_faults(["nfs-outage"], volatile)


def test_a_node_that_has_to_boot(kerrighed: Recipe) -> None:
    """A node that runs has borne the fault, and the time of each phase is told; one that stopped has not."""
    assert judge_boot(outcome(kerrighed)).reason == "the node booted: DHCP 5 s, loader 14 s"
    assert not judge_boot(outcome(kerrighed)).problems
    assert judge_boot(outcome(kerrighed, KERNEL)).problems == (KERNEL.reason,)


def test_a_node_that_has_to_stop(kerrighed: Recipe) -> None:
    """The lab has to name the right phase; a node that runs all the same is a problem."""
    assert judge_stop(outcome(kerrighed, KERNEL), Phase.KERNEL).problems == ()
    assert judge_stop(outcome(kerrighed, GRUB), Phase.KERNEL).problems == (f"{GRUB.reason}, not in phase kernel",)
    assert judge_stop(outcome(kerrighed), Phase.KERNEL).problems == ("the node booted in spite of the fault",)


@pytest.mark.parametrize("name", ["corrupt-initrd", "hang"])
def test_faults_that_stop_a_node(kerrighed: Recipe, name: str) -> None:
    """These are borne when the node stops in phase kernel, and in no other way."""
    judge = fault(name).judge
    assert not judge(outcome(kerrighed, KERNEL)).problems
    assert judge(outcome(kerrighed, GRUB)).problems
    assert judge(outcome(kerrighed)).problems


def test_missing_menu(kerrighed: Recipe, debian: Recipe) -> None:
    """The default menu has to be read; it boots a node that needs nothing of its own, and refuses a Kerrighed node."""
    judge = fault("missing-menu").judge
    assert not judge(outcome(debian, None, DEFAULT)).problems
    assert judge(outcome(debian, GRUB, DEFAULT)).problems
    assert not judge(outcome(kerrighed, GRUB, DEFAULT)).problems
    assert judge(outcome(kerrighed, None, DEFAULT)).problems
    assert judge(outcome(debian)).problems == ("the node did not read the default menu",)


@pytest.mark.parametrize(
    ("kind", "said"),
    [(Kind.TFTP_READ, ""), (Kind.TFTP_ERROR, ": file not found"), (Kind.HTTP_READ, ""), (Kind.HTTP_ERROR, ": 404")],
)
def test_missing_kernel(debian: Recipe, kind: Kind, said: str) -> None:
    """A node has to ask for the kernel of the later release, and has to run all the same."""
    judge = fault("missing-kernel").judge
    asked = WireEvent(9.0, "52:54:00:00:01:01", kind, f"/debian-nfsroot/later/vmlinuz-6.12{said}")
    assert not judge(outcome(debian, None, asked)).problems
    assert judge(outcome(debian, GRUB, asked)).problems == (GRUB.reason,)
    assert judge(outcome(debian)).problems == ("the node asked for no file below /debian-nfsroot/later",)


@pytest.mark.parametrize(
    "name", ["loss-5", "loss-20", "second-network", "second-network-after", "slow-tftp", "dhcp-outage"]
)
def test_faults_that_a_node_boots_through(kerrighed: Recipe, name: str) -> None:
    """These are borne when the node runs."""
    judge: Any = fault(name).judge
    assert not judge(outcome(kerrighed)).problems
    assert judge(outcome(kerrighed, GRUB)).problems
