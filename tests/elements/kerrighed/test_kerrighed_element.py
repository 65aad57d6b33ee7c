"""What the element kerrighed does to a tree."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

HOOK = Path(__file__).parents[3] / "elements/kerrighed/install.d/50-kerrighed"
FSTAB_GENERATOR = Path("/usr/lib/systemd/system-generators/systemd-fstab-generator")
SETUP = """
for directory in /usr/bin /usr/lib64 /usr/lib/*-linux-gnu; do
    mkdir -p "$tree$directory"
    mount --bind "$directory" "$tree$directory"
done
exec chroot "$tree" /hook
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree in which the element's hook has run, with its variables set."""
    if os.geteuid() != 0:
        pytest.skip("only root can enter a tree")
    tree = tmp_path / "tree"
    (tree / "etc/default").mkdir(parents=True)
    for name in ("bin", "lib", "lib64"):
        (tree / name).symlink_to(f"usr/{name}")
    shutil.copy(HOOK, tree / "hook")
    variables = {
        "KERRIGHED_ENABLE": "0",
        "KERRIGHED_LEGACY_SCHED": "1",
        "KERRIGHED_NET_DEVICES": "eth0 eth1",
        "KERRIGHED_HOST_SETTINGS": "BOOT_ID=1 A=*",
    }
    environment = {"PATH": "/usr/sbin:/usr/bin", "tree": str(tree), **variables}
    subprocess.run(["unshare", "--mount", "sh", "-euc", SETUP], env=environment, check=True)
    return tree


def settings(file: Path) -> list[str]:
    """The lines of a file that are not comments."""
    return [line for line in file.read_text().splitlines() if not line.startswith("#")]


@pytest.mark.container
def test_settings_are_the_variables(tree: Path) -> None:
    """Each generation of Kerrighed finds its settings as the element's variables say."""
    assert settings(tree / "etc/default/kerrighed") == ["ENABLE=false", "LEGACY_SCHED=true"]
    assert settings(tree / "etc/default/kerrighed-host") == ['NET_DEVICES="eth0 eth1"', "BOOT_ID=1", "A=*"]


@pytest.mark.container
@pytest.mark.skipif(not FSTAB_GENERATOR.exists() or not shutil.which("systemd-analyze"), reason="needs systemd")
def test_stock_kernel_skips_config(tree: Path, tmp_path: Path) -> None:
    """The unit that systemd generates for /config is skipped where the kernel is not Kerrighed's."""
    assert (tree / "config").is_dir()
    fstab, units = tmp_path / "fstab", tmp_path / "units"
    fstab.write_text("configfs /config configfs defaults,nofail 0 0\n")
    units.mkdir()
    environment = {"SYSTEMD_FSTAB": str(fstab), "PATH": "/usr/sbin:/usr/bin"}
    subprocess.run([FSTAB_GENERATOR, units, tmp_path / "early", tmp_path / "late"], env=environment, check=True)
    own = tree / "usr/lib/systemd/system"
    environment["SYSTEMD_UNIT_PATH"] = f"{units}:{own}:/usr/lib/systemd/system"
    command = ["systemd-analyze", "condition", "--unit=config.mount"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "ConditionPathIsDirectory=/sys/kerrighed failed" in done.stdout + done.stderr
