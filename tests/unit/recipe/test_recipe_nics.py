"""Groups of network drivers, and drivers that are taken out of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from builder.errors import RecipeError
from builder.recipe import nics
from builder.recipe.load import load
from builder.recipe.search import SearchPath

WITHOUT_TG3 = tuple(name for name in nics.GROUP if name != "tg3")


@pytest.mark.parametrize(
    ("entries", "drivers"),
    [
        (["igc"], ("igc",)),
        (["common"], nics.GROUP),
        (["common", "igc", "mlx5-core"], (*nics.GROUP, "mlx5_core")),
        (["common", "-tg3"], WITHOUT_TG3),
        (["common", "-tg3", "tg3"], (*WITHOUT_TG3, "tg3")),
        (["all", "-tg3"], ("all", "-tg3")),
    ],
)
def test_entries_in_their_order(entries: list[str], drivers: tuple[str, ...]) -> None:
    """A group stands for its drivers, "-NAME" takes one away, and what comes later wins."""
    assert nics.expand(entries) == drivers


def test_group_has_every_driver_once() -> None:
    """The common drivers are named as the kernel names them, each once."""
    assert len(set(nics.GROUP)) == len(nics.GROUP)
    assert all(nics.normalize_name(name) == name for name in nics.GROUP)


Write = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a recipe that extends another one."""

    def written(name: str, text: str) -> Path:
        file = tmp_path / f"{name}.toml"
        file.write_text(text)
        return file

    return written


@pytest.mark.parametrize(
    ("inherited", "own", "drivers"),
    [
        ('["igc"]', '["-tg3"]', ("common", "igc", "-tg3")),
        ('["-tg3"]', '["tg3"]', ("common", "tg3")),
        ('["-tg3"]', '["-common", "igc"]', ("-tg3", "igc")),
        ('["-common", "all"]', '["-mlx5_core"]', ("all", "-mlx5_core")),
    ],
)
def test_driver_of_an_inherited_group_is_taken_away(
    write: Write, inherited: str, own: str, drivers: tuple[str, ...]
) -> None:
    """A recipe may take away a driver of a group that it inherits, as recipes could when the list named each driver."""
    write("parent", f'extends = "debian-nfsroot"\n[initramfs]\nnic_drivers = {inherited}\n')
    recipe = load(
        str(write("child", f'extends = "parent.toml"\n[initramfs]\nnic_drivers = {own}\n')), SearchPath.default()
    )
    assert recipe.initramfs.nic_drivers == drivers


def test_driver_that_no_group_has(write: Write) -> None:
    """What is in no inherited group cannot be taken away."""
    file = write("child", 'extends = "debian-nfsroot"\n[initramfs]\nnic_drivers = ["-mlx5_core"]\n')
    with pytest.raises(RecipeError, match="nothing to remove: 'mlx5_core' is not inherited"):
        load(str(file), SearchPath.default())


def test_places_of_modules_and_nics(write: Write, tmp_path: Path) -> None:
    """Where each module and each `nic` is written is known when the kernel turns out to lack it."""
    write("c", CLUSTER)
    file = write("child", 'extends = "debian-nfsroot"\ncluster = "c.toml"\n[initramfs]\nmodules = ["nls_utf8"]\n')
    recipe = load(str(file), SearchPath.default())
    assert str(recipe.module_places["nls_utf8"]) == f"{file}:4:12"
    assert recipe.module_places["common"].file.name == "debian-nfsroot.toml"
    assert {nic: (place.line, place.column) for nic, place in recipe.cluster.nic_places.items()} == {"igc": (11, 7)}
    assert [node.nic for node in recipe.cluster.nodes] == ["igc", "igc", None]
    assert "places" not in recipe.model_dump_json()


CLUSTER = """\
domain = "c.home"
subnet = "10.0.0.0/24"
[server]
name = "server"
address = "10.0.0.1"

[[nodes]]
names = "n[1-2]"
addresses = "10.0.0.[11-12]"
macs = ["52:54:00:00:01:01", "52:54:00:00:01:02"]
nic = "igc"

[[nodes]]
names = "n3"
addresses = "10.0.0.13"
macs = ["52:54:00:00:01:03"]
"""
