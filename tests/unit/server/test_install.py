"""install.sh of the server bundle, run against directories of the test."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from builder.recipe.models import Recipe, ReleaseFacts
from builder.server.bundle import render

KERNEL = "srv/tftp/debian-nfsroot/1.0/vmlinuz-6.12.0-1-amd64"
MARKED = ["# BEGIN nfsroot", "# END nfsroot"]


@pytest.fixture
def bundle(debian: Recipe, facts: ReleaseFacts, tmp_path: Path) -> Path:
    """The bundle of a release, unpacked, with a stand-in for its kernel."""
    directory = tmp_path / "bundle"
    for file in render(debian, facts):
        target = directory / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.content)
        target.chmod(file.mode)
    kernel = directory / KERNEL
    kernel.parent.mkdir(parents=True)
    kernel.write_bytes(os.urandom(5000))
    return directory


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A server's file system with the release's root in place and settings of its own."""
    directory = tmp_path / "root"
    (directory / "NFSROOT/debian-nfsroot/1.0").mkdir(parents=True)
    (directory / "etc/dhcp").mkdir(parents=True)
    (directory / "etc/dhcp/dhcpd.conf").write_text("# the administrator's\n")
    (directory / "etc/hosts").write_text("127.0.0.1 localhost\n")
    return directory


def install(bundle: Path, *arguments: str | Path, path: str = os.environ["PATH"]) -> subprocess.CompletedProcess[str]:
    """install.sh's exit status and what it says."""
    environment = {"PATH": path, "TMPDIR": str(bundle.parent)}
    return subprocess.run([bundle / "install.sh", *arguments], capture_output=True, text=True, env=environment)


def contents(root: Path) -> dict[str, bytes]:
    """Every file below `root`, those that begin with a dot included."""
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def temporary(bundle: Path) -> list[Path]:
    """What install.sh left in its directory for temporary files."""
    return [path for path in bundle.parent.iterdir() if path.name.startswith("tmp.")]


@pytest.mark.parametrize("name", ["debian", "kerrighed"])
def test_shellcheck_finds_nothing(name: str, facts: ReleaseFacts, request: pytest.FixtureRequest) -> None:
    """install.sh is POSIX sh without anything that shellcheck minds."""
    (script,) = [file for file in render(request.getfixturevalue(name), facts) if str(file.path) == "install.sh"]
    checked = subprocess.run(["shellcheck", "--shell=sh", "-"], input=script.content, capture_output=True)
    assert checked.returncode == 0, checked.stdout.decode()


def test_help_says_what_it_does(bundle: Path) -> None:
    """--help exits with 0, an unknown option with 2, and both name every option."""
    shown, refused = install(bundle, "--help"), install(bundle, "--forse")
    assert (shown.returncode, refused.returncode) == (0, 2)
    for option in ("--dry-run", "--root DIR", "--help"):
        assert option in shown.stdout
        assert option in refused.stderr


def test_dry_run_changes_nothing(bundle: Path, root: Path) -> None:
    """--dry-run names what would be installed and writes nothing."""
    before = contents(root)
    done = install(bundle, "--root", root, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert f"Would install {root}/etc/dhcp/dhcpd.conf\n" in done.stdout
    assert contents(root) == before
    assert not temporary(bundle)


def test_first_run_installs_everything(bundle: Path, root: Path) -> None:
    """Every file of etc/ and srv/ is installed as it is in the bundle, and readable by the daemons."""
    done = install(bundle, "--root", root)
    assert done.returncode == 0, done.stderr
    wanted = {path: data for path, data in contents(bundle).items() if path.startswith(("etc/", "srv/"))}
    lines_for_hosts = wanted.pop("etc/hosts.nfsroot").decode()
    installed = contents(root)
    assert installed["etc/hosts"].decode() == f"127.0.0.1 localhost\n{MARKED[0]}\n{lines_for_hosts}{MARKED[1]}\n"
    assert {path: installed[path] for path in wanted} == wanted
    assert all((root / path).stat().st_mode & 0o777 == 0o644 for path in wanted)
    assert "etc/hosts.nfsroot" not in installed
    assert not [path for path in installed if "/.nfsroot." in path]


def test_private_umask_still_lets_daemons_read(bundle: Path, root: Path) -> None:
    """A bundle that was unpacked with umask 077 is installed readable for tftpd's user."""
    for path in bundle.rglob("*"):
        path.chmod(0o700)
    assert install(bundle, "--root", root).returncode == 0
    assert (root / KERNEL).stat().st_mode & 0o777 & 0o044 == 0o044
    assert (root / KERNEL).parent.stat().st_mode & 0o777 == 0o755


def test_what_is_replaced_is_kept(bundle: Path, root: Path) -> None:
    """The files that were there before, and only those, stand in one dated directory below var/backups."""
    before = contents(root)
    install(bundle, "--root", root)
    (dated,) = (root / "var/backups/nfsroot").iterdir()
    assert contents(dated) == before


def test_second_run_changes_nothing(bundle: Path, root: Path) -> None:
    """Run again, install.sh says that nothing was changed, and nothing is: no file, no backup, no time."""
    install(bundle, "--root", root)
    before = {path: path.lstat().st_mtime_ns for path in root.rglob("*")}
    done = install(bundle, "--root", root)
    assert done.returncode == 0
    assert "nothing was changed" in done.stdout
    assert {path: path.lstat().st_mtime_ns for path in root.rglob("*")} == before


def test_only_what_differs_is_installed(bundle: Path, root: Path) -> None:
    """A file that somebody changed is put back, alone, and its content is kept."""
    install(bundle, "--root", root)
    shutil.rmtree(root / "var/backups")
    (root / "srv/tftp/grub/ssi1").write_text("mine\n")
    done = install(bundle, "--root", root)
    assert [line for line in done.stdout.splitlines() if line.startswith("Installed")] == [
        f"Installed {root}/srv/tftp/grub/ssi1"
    ]
    (dated,) = (root / "var/backups/nfsroot").iterdir()
    assert contents(dated) == {"srv/tftp/grub/ssi1": b"mine\n"}


def test_hosts_keeps_other_lines(bundle: Path, root: Path) -> None:
    """The cluster's lines take the place of an earlier release's; lines around them stay."""
    hosts = root / "etc/hosts"
    hosts.write_text(f"127.0.0.1 localhost\n{MARKED[0]}\n10.0.0.9 gone\n{MARKED[1]}\n10.0.0.8 other\n")
    assert install(bundle, "--root", root).returncode == 0
    lines = hosts.read_text().splitlines()
    assert lines[:2] == ["127.0.0.1 localhost", "10.0.0.8 other"]
    assert "10.0.0.9 gone" not in lines
    assert "192.168.0.101 ssi1.mycluster.home ssi1" in lines
    assert (lines.count(MARKED[0]), lines.count(MARKED[1])) == (1, 1)


def test_missing_root_tarball_is_named(bundle: Path, root: Path) -> None:
    """install.sh says so when the directory that nodes will mount is not there, and installs all the same."""
    assert "Not there yet" not in install(bundle, "--root", root, "--dry-run").stdout
    (root / "NFSROOT/debian-nfsroot/1.0").rmdir()
    done = install(bundle, "--root", root)
    assert done.returncode == 0
    assert f"Not there yet: {root}/NFSROOT/debian-nfsroot/1.0" in done.stdout


@pytest.mark.server
@pytest.mark.parametrize(
    ("path", "text", "checker"),
    [
        ("etc/dhcp/dhcpd.conf", "option no-such-option 1;\n", "dhcpd rejects"),
        ("etc/default/tftpd-hpa", 'TFTP_OPTIONS="\n', "sh rejects"),
        ("srv/tftp/grub/grub.cfg", "if true; then\n", "grub-script-check rejects"),
    ],
)
@pytest.mark.parametrize("dry", [(), ("--dry-run",)], ids=["run", "dry-run"])
def test_broken_file_leaves_all_untouched(
    bundle: Path, root: Path, path: str, text: str, checker: str, dry: tuple[str, ...]
) -> None:
    """When a file fails its program's checker, install.sh says which, fails and touches nothing."""
    with (bundle / path).open("a") as file:
        file.write(text)
    before = contents(root)
    done = install(bundle, "--root", root, *dry)
    assert done.returncode == 1
    assert checker in done.stderr
    assert "nothing was changed" in done.stderr
    assert contents(root) == before
    assert not temporary(bundle)


def test_missing_checkers_are_named(bundle: Path, root: Path, tmp_path: Path) -> None:
    """On a machine without dhcpd and grub-script-check the files are installed, and said not to be checked."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for directory in map(Path, ("/usr/bin", "/bin")):
        for tool in directory.iterdir():
            if tool.name != "grub-script-check" and not (tools / tool.name).exists():
                (tools / tool.name).symlink_to(tool)
    script = (bundle / "install.sh").read_text()
    (bundle / "install.sh").write_text(script.replace("PATH=$PATH:/usr/sbin:/sbin\n", ""))
    done = install(bundle, "--root", root, path=str(tools))
    assert done.returncode == 0, done.stderr
    assert "dhcpd.conf is not checked" in done.stdout
    assert "the menus are not checked" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "reason"), [([], "run it as root"), (["--root", "/usr"], "/usr is not writable")]
)
def test_refuses_without_root(bundle: Path, arguments: list[str], reason: str) -> None:
    """An ordinary user is told to be root, or that the directory is not writable."""
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    script = (bundle / "install.sh").read_text()
    done = subprocess.run([*nobody, "sh", "-s", "--", *arguments], input=script, capture_output=True, text=True)
    assert done.returncode == 1
    assert reason in done.stderr
