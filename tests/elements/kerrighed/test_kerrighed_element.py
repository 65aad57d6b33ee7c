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


def run_hook(tree: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    """Make a tree and run the element's hook in it, with its variables set."""
    if os.geteuid() != 0:
        pytest.skip("only root can enter a tree")
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
    environment = {"PATH": "/usr/sbin:/usr/bin", "tree": str(tree), **variables, **changes}
    command = ["unshare", "--mount", "sh", "-euc", SETUP]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree in which the element's hook has run."""
    done = run_hook(tmp_path / "tree")
    assert done.returncode == 0, done.stderr
    return tmp_path / "tree"


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


@pytest.mark.container
@pytest.mark.parametrize("devices", ['eth0"', "$(touch /here) `touch /here`", "a\\", "it's", "eth0\neth1", ""])
def test_devices_are_what_a_shell_reads(tmp_path: Path, devices: str) -> None:
    """Whatever NET_DEVICES holds, a shell that reads the file gets just that and runs nothing."""
    done = run_hook(tmp_path / "tree", KERRIGHED_NET_DEVICES=devices)
    assert done.returncode == 0, done.stderr
    script = ["sh", "-euc", '. "$0"; printf %s "$NET_DEVICES"', tmp_path / "tree/etc/default/kerrighed-host"]
    assert subprocess.run(script, capture_output=True, text=True, check=True).stdout == devices
    assert not Path("/here").exists() and not (tmp_path / "tree/here").exists()


@pytest.mark.container
def test_settings_that_no_shell_reads(tmp_path: Path) -> None:
    """Settings of several lines are taken; a quote without its other half fails the build and names the variable."""
    assert run_hook(tmp_path / "lines", KERRIGHED_HOST_SETTINGS="A=1\nB=2").returncode == 0
    assert settings(tmp_path / "lines/etc/default/kerrighed-host")[1:] == ["A=1", "B=2"]
    done = run_hook(tmp_path / "quote", KERRIGHED_HOST_SETTINGS="A=it's")
    assert done.returncode != 0
    assert "KERRIGHED_HOST_SETTINGS is no list of KEY=VALUE that a shell can read: A=it's" in done.stderr
