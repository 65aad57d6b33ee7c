"""pxegrub: what is linked in, what the early configuration does, and the names that firmware asks for."""

from __future__ import annotations

from pathlib import Path
from threading import Barrier

import pytest
from recording_engine import IMAGE, RecordingEngine

from builder.boot import pxegrub
from builder.container.engine import Job
from builder.process import OnLine
from builder.recipe.models import Variant


def jobs_of(tmp_path: Path, *variants: Variant) -> list[Job]:
    """The jobs that make some variants."""
    engine = RecordingEngine()
    pxegrub.make(tmp_path, engine=engine, image=IMAGE, variants=variants, on_line=lambda _line: None)
    return engine.jobs


@pytest.mark.parametrize(
    ("variant", "form", "module"),
    [(Variant.I386_PC, "i386-pc-pxe", "pxe"), (Variant.X86_64_EFI, "x86_64-efi", "efinet")],
)
def test_linked_variant(tmp_path: Path, variant: Variant, form: str, module: str) -> None:
    """A variant is linked in its firmware's format, with its firmware's network and all that a menu needs."""
    (job,) = jobs_of(tmp_path, variant)
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


def test_early_configuration_is_an_input(tmp_path: Path) -> None:
    """The job embeds the early configuration, and the object does not keep it."""
    seen: list[str] = []

    def act(job: Job, _on_line: OnLine) -> None:
        seen.append(job.inputs["/input/early.cfg"].read_text())

    pxegrub.make(
        tmp_path,
        engine=RecordingEngine(act),
        image=IMAGE,
        variants=(Variant.I386_PC,),
        on_line=lambda _line: None,
    )
    assert seen == [pxegrub.EARLY]
    assert list(tmp_path.iterdir()) == []


def test_signed_chain_is_copied_under_the_names_it_asks_for(tmp_path: Path) -> None:
    """Shim loads grubx64.efi and mmx64.efi from its own directory: each signed file gets such a name."""

    def copy(job: Job, _on_line: OnLine) -> None:
        (job.output / "secure-boot").mkdir()
        for source in map(Path, job.argv[4:]):
            (job.output / "secure-boot" / source.name).write_text(source.name)

    engine, signed = RecordingEngine(copy), (Variant.SECURE_BOOT,)
    pxegrub.make(tmp_path, engine=engine, image=IMAGE, variants=signed, on_line=lambda _line: None)
    (job,) = engine.jobs
    assert job.argv[:4] == ("install", "-D", "--mode=644", "--target-directory=/output/secure-boot")
    assert {file.name: file.read_text() for file in (tmp_path / "secure-boot").iterdir()} == {
        "shimx64.efi": "shimx64.efi.signed",
        "grubx64.efi": "grubnetx64.efi.signed",
        "mmx64.efi": "mmx64.efi.signed",
    }


def test_variants_are_made_side_by_side(tmp_path: Path) -> None:
    """The two variants that are linked run at the same time: each waits until the other has begun."""
    both = Barrier(2)

    def wait(_job: Job, _on_line: OnLine) -> None:
        both.wait(timeout=60)

    engine = RecordingEngine(wait)
    linked = (Variant.I386_PC, Variant.X86_64_EFI)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.cpu_count", lambda: 2)
        pxegrub.make(tmp_path, engine=engine, image=IMAGE, variants=linked, on_line=lambda _line: None)
    assert len(engine.jobs) == 2


def test_only_wanted_variants(tmp_path: Path) -> None:
    """A variant that the recipe leaves out is not made."""
    assert jobs_of(tmp_path) == []


def test_served_names_are_distinct() -> None:
    """No two variants claim one name on the TFTP server, and BIOS finds /pxegrub."""
    names = [name for served in pxegrub.SERVED.values() for name in served]
    assert len(names) == len(set(names))
    assert "pxegrub" in pxegrub.SERVED[Variant.I386_PC]
