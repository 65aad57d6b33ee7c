"""pxegrub: what is linked in, what the early configuration does, and the names that firmware asks for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Barrier

import pytest
from recording_engine import RecordingEngine
from step_contexts import context_of

from builder.boot import pxegrub
from builder.boot.pxegrub import PXEGRUB
from builder.container.engine import Job
from builder.process import OnLine
from builder.recipe.choices import Variant
from builder.recipe.models import Recipe

Make = Callable[..., list[Job]]


@pytest.fixture
def make(tmp_path: Path, kerrighed: Recipe) -> Make:
    """Makes some variants in the test's directory by an engine."""

    def made(engine: RecordingEngine, *variants: Variant) -> list[Job]:
        boot = kerrighed.boot.model_copy(update={"variants": variants})
        PXEGRUB.make(context_of(kerrighed.model_copy(update={"boot": boot}), engine, tmp_path), tmp_path)
        return engine.jobs

    return made


@pytest.mark.parametrize(
    ("variant", "form", "module"),
    [(Variant.I386_PC, "i386-pc-pxe", "pxe"), (Variant.X86_64_EFI, "x86_64-efi", "efinet")],
)
def test_linked_variant(make: Make, variant: Variant, form: str, module: str) -> None:
    """A variant is linked in its firmware's format, with its firmware's network and all that a menu needs."""
    (job,) = make(RecordingEngine(), variant)
    program, *options = job.argv
    assert program == "grub-mkimage"
    assert f"--format={form}" in options
    assert f"--output=/output/pxegrub.{variant}" in options
    assert {
        module,
        "tftp",
        "http",
        "normal",
        "legacycfg",
        "linux",
        "test",
        "regexp",
        "configfile",
        "serial",
        "terminal",
    } <= set(options)
    assert not job.network


def test_early_configuration_is_for_the_rescue_parser() -> None:
    """GRUB's rescue parser knows no `if`, no brackets and no `;`: the early configuration is plain commands."""
    lines = pxegrub.EARLY.splitlines()
    assert {line.split()[0].split("=")[0] for line in lines} == {"net_get_dhcp_option", "normal"}
    assert not any(sign in line for line in lines for sign in ";[{")


def test_early_configuration_asks_for_the_menu() -> None:
    """Option 150 names the menu, of whatever NIC loaded GRUB; grub.cfg comes from where GRUB came from."""
    assert pxegrub.EARLY.splitlines() == [
        "net_get_dhcp_option menu $net_default_interface 150 string",
        "normal $prefix/grub.cfg",
    ]


def test_early_configuration_is_an_input(make: Make, tmp_path: Path) -> None:
    """The job embeds the early configuration, and the object does not keep it."""
    seen: list[str] = []

    def act(job: Job, _on_line: OnLine) -> None:
        seen.append(job.inputs["/input/early.cfg"].read_text())

    make(RecordingEngine(act), Variant.I386_PC)
    assert seen == [pxegrub.EARLY]
    assert list(tmp_path.iterdir()) == []


def test_signed_chain_is_copied_under_the_names_it_asks_for(make: Make, tmp_path: Path) -> None:
    """Shim loads grubx64.efi and mmx64.efi from its own directory: each signed file gets such a name."""

    def copy(job: Job, _on_line: OnLine) -> None:
        (job.output / "secure-boot").mkdir()
        for source in map(Path, job.argv[4:]):
            (job.output / "secure-boot" / source.name).write_text(source.name)

    (job,) = make(RecordingEngine(copy), Variant.SECURE_BOOT)
    assert job.argv[:4] == ("install", "-D", "--mode=644", "--target-directory=/output/secure-boot")
    assert {file.name: file.read_text() for file in (tmp_path / "secure-boot").iterdir()} == {
        "shimx64.efi": "shimx64.efi.signed",
        "grubx64.efi": "grubnetx64.efi.signed",
        "mmx64.efi": "mmx64.efi.signed",
    }


def test_variants_are_made_side_by_side(make: Make) -> None:
    """The two variants that are linked run at the same time: each waits until the other has begun."""
    both = Barrier(2)

    def wait(_job: Job, _on_line: OnLine) -> None:
        both.wait(timeout=60)

    engine = RecordingEngine(wait)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.cpu_count", lambda: 2)
        make(engine, Variant.I386_PC, Variant.X86_64_EFI)
    assert len(engine.jobs) == 2


def test_only_wanted_variants(make: Make) -> None:
    """A variant that the recipe leaves out is not made."""
    assert make(RecordingEngine()) == []


def test_served_names_are_distinct() -> None:
    """No two variants claim one name on the TFTP server, and BIOS finds /pxegrub."""
    names = [name for served in pxegrub.SERVED.values() for name in served]
    assert len(names) == len(set(names))
    assert "pxegrub" in pxegrub.SERVED[Variant.I386_PC]
