"""install.sh of the server bundle, run against directories of the test."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from layouts import layout_of
from server_recipes import with_cluster, with_http, with_nodes, with_server

from builder.recipe.choices import DhcpServer, NfsServer, TftpServer
from builder.recipe.models import Recipe
from builder.rendered_files import RenderedFile
from builder.server.bundle import render
from builder.settings.programs import NFS_CONF, programs, unit_settings
from builder.settings.sizes import SYSCTL_CONF

MENUS = "srv/tftp/grub"
GENERATIONS = "srv/tftp/.grub"
KERNEL = "srv/tftp/debian-nfsroot/1.0/vmlinuz-6.12.0-1-amd64"
MARKED = ["# BEGIN nfsroot", "# END nfsroot"]


def unpack(files: tuple[RenderedFile, ...], directory: Path) -> Path:
    """The directory with the files in it."""
    for file in files:
        target = directory / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.content)
        target.chmod(file.mode)
    return directory


@pytest.fixture
def bundle(debian: Recipe, tmp_path: Path) -> Path:
    """The bundle of a release, unpacked, with a stand-in for its kernel."""
    directory = unpack(render(layout_of(debian)), tmp_path / "bundle")
    kernel = directory / KERNEL
    kernel.parent.mkdir(parents=True)
    kernel.write_bytes(os.urandom(5000))
    return directory


@pytest.fixture
def http_bundle(debian: Recipe, tmp_path: Path) -> Path:
    """The bundle of a release whose nodes load over HTTP, unpacked."""
    return unpack(render(layout_of(with_http(debian))), tmp_path / "http-bundle")


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
    """Every file below `root`, those that begin with a dot included, and menus where nodes find them."""
    found = {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    menus = root / MENUS
    if menus.is_symlink():
        found = {path: data for path, data in found.items() if not path.startswith(GENERATIONS)}
        found |= {
            f"{MENUS}/{path.relative_to(menus)}": path.read_bytes() for path in menus.glob("**/*") if path.is_file()
        }
    return found


BESIDE = ["debian-nfsroot-state", "nfsroot-reports"]


def settings_of(*chosen: tuple[str, str]) -> set[str]:
    """The files that these programs read, each given by role and name."""
    every = programs("debian-nfsroot-1.0", http=True, nfs=True, logs=True, beside=BESIDE)
    return {path for program in every if (program.role, program.name) in chosen for path in program.settings}


USUAL = settings_of(("dhcp", "isc"), ("tftp", "tftpd-hpa"), ("nfs", "kernel"))


def temporary(bundle: Path) -> list[Path]:
    """What install.sh left in its directory for temporary files."""
    return [path for path in bundle.parent.iterdir() if path.name.startswith("tmp.")]


@pytest.mark.parametrize("name", ["debian", "kerrighed"])
def test_shellcheck_finds_nothing(name: str, request: pytest.FixtureRequest) -> None:
    """install.sh is POSIX sh without anything that shellcheck minds, with an HTTP server and without."""
    recipe: Recipe = request.getfixturevalue(name)
    for each in (recipe, with_http(recipe)):
        (script,) = [file for file in render(layout_of(each)) if file.path == "install.sh"]
        checked = subprocess.run(["shellcheck", "--shell=sh", "-"], input=script.content, capture_output=True)
        assert checked.returncode == 0, checked.stdout.decode()


def test_help_says_what_it_does(bundle: Path) -> None:
    """--help and -h exit with 0, an unknown option with 2 and its name, and all three name every option."""
    shown, refused = install(bundle, "--help"), install(bundle, "--forse")
    assert (shown.returncode, refused.returncode) == (0, 2)
    assert install(bundle, "-h").stdout == shown.stdout
    assert "install.sh: unknown option --forse\n" in refused.stderr
    for option in ("--dry-run", "--replace", "--root DIR", "--dhcp NAME", "--tftp NAME", "--nfs NAME", "--help"):
        assert option in shown.stdout
        assert option in refused.stderr


def test_dry_run_changes_nothing(bundle: Path, root: Path) -> None:
    """--dry-run names what would be installed, and what somebody else wrote, and writes nothing."""
    before = contents(root)
    done = install(bundle, "--root", root, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert f"nfsroot did not make {root}/etc/dhcp/dhcpd.conf: it is to be replaced\n" in done.stdout
    assert f"Would replace {root}/etc/dhcp/dhcpd.conf\n" in done.stdout
    assert f"Would install {root}/etc/default/tftpd-hpa\n" in done.stdout
    assert contents(root) == before
    assert not temporary(bundle)


def test_first_run_installs_everything(bundle: Path, root: Path) -> None:
    """All of srv/ and the usual servers' settings are installed as in the bundle, and readable by the daemons."""
    done = install(bundle, "--root", root)
    assert done.returncode == 0, done.stderr
    shipped = contents(bundle)
    wanted = {path: data for path, data in shipped.items() if path.startswith("srv/") or path in USUAL}
    lines_for_hosts = shipped["etc/hosts.nfsroot"].decode()
    installed = contents(root)
    assert installed["etc/hosts"].decode() == f"127.0.0.1 localhost\n{MARKED[0]}\n{lines_for_hosts}{MARKED[1]}\n"
    assert {path: installed[path] for path in wanted} == wanted
    assert all((root / path).stat().st_mode & 0o777 == 0o644 for path in wanted)
    assert {path for path in installed if path.startswith("etc/")} == USUAL | {"etc/hosts"}
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
    (root / "etc/default/tftpd-hpa").write_text("mine\n")
    done = install(bundle, "--root", root)
    assert done.stdout.splitlines()[-1] == f"Replaced {root}/etc/default/tftpd-hpa"
    assert not [line for line in done.stdout.splitlines() if line.startswith("Installed") or "menus" in line]
    (dated,) = (root / "var/backups/nfsroot").iterdir()
    assert contents(dated) == {"etc/default/tftpd-hpa": b"mine\n"}


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


@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        (["--dhcp", "kea"], [("dhcp", "kea"), ("tftp", "tftpd-hpa"), ("nfs", "kernel")]),
        (["--dhcp", "dnsmasq"], [("dhcp", "dnsmasq"), ("tftp", "tftpd-hpa"), ("nfs", "kernel")]),
        (["--tftp", "dnsmasq"], [("dhcp", "isc"), ("tftp", "dnsmasq"), ("nfs", "kernel")]),
        (["--dhcp", "dnsmasq", "--tftp", "dnsmasq"], [("dhcp", "dnsmasq"), ("tftp", "dnsmasq"), ("nfs", "kernel")]),
        (["--nfs", "ganesha"], [("dhcp", "isc"), ("tftp", "tftpd-hpa"), ("nfs", "ganesha")]),
    ],
)
def test_only_chosen_servers_are_set_up(
    bundle: Path, root: Path, options: list[str], chosen: list[tuple[str, str]]
) -> None:
    """The settings of the servers that are asked for are installed, and those of the others stay as they were."""
    before = contents(root)
    done = install(bundle, "--root", root, *options)
    assert done.returncode == 0, done.stderr
    installed, shipped, wanted = contents(root), contents(bundle), settings_of(*chosen)
    assert {path: installed[path] for path in wanted} == {path: shipped[path] for path in wanted}
    others = {path: data for path, data in installed.items() if path.startswith("etc/") and path not in wanted}
    del others["etc/hosts"]
    assert others == {path: data for path, data in before.items() if path not in {*wanted, "etc/hosts"}}


def test_recipe_names_the_servers(debian: Recipe, root: Path, tmp_path: Path) -> None:
    """What the cluster's table names is set up without an option."""
    chosen = with_server(debian, dhcp=DhcpServer.KEA, tftp=TftpServer.DNSMASQ, nfs=NfsServer.GANESHA)
    directory = unpack(render(layout_of(chosen)), tmp_path / "chosen")
    done = install(directory, "--root", root)
    assert done.returncode == 0, done.stderr
    wanted = settings_of(("dhcp", "kea"), ("tftp", "dnsmasq"), ("nfs", "ganesha"))
    assert {path for path in contents(root) if path.startswith("etc/")} == wanted | {
        "etc/hosts",
        "etc/dhcp/dhcpd.conf",  # the administrator's
    }


@pytest.mark.parametrize("options", [["--dhcp", "dhcpd"], ["--tftp", "kea"], ["--nfs", ""], ["--dhcp"]])
def test_unknown_server_is_refused(bundle: Path, root: Path, options: list[str]) -> None:
    """A server that the bundle has no settings for, or none at all, is refused before anything is touched."""
    before = contents(root)
    done = install(bundle, "--root", root, *options)
    assert done.returncode == 1
    assert f"install.sh: {options[0]}" in done.stderr
    assert contents(root) == before


def with_active(bundle: Path, *services: str, settings: str = "") -> str:
    """A PATH on which systemctl says that these services, and no others, are active.

    install.sh is changed to believe in systemd, and to look for dnsmasq's settings in a file of the test.
    """
    tools = bundle.parent / "tools"
    tools.mkdir()
    (tools / "systemctl").write_text(
        f'#!/bin/sh\n[ "$1" = is-active ] || exit 0\ncase " {" ".join(services)} " in *" $3 "*) ;; *) exit 3 ;; esac\n'
    )
    (tools / "systemctl").chmod(0o755)
    (bundle.parent / "dnsmasq.conf").write_text(settings)
    script = (bundle / "install.sh").read_text()
    script = script.replace("/run/systemd/system", str(tools))
    script = script.replace("/etc/dnsmasq.conf /etc/dnsmasq.d", str(bundle.parent / "dnsmasq.conf"))
    (bundle / "install.sh").write_text(script)
    return f"{tools}:{os.environ['PATH']}"


@pytest.mark.parametrize(
    ("active", "settings", "options", "refused"),
    [
        ("kea-dhcp4-server", "", [], "kea-dhcp4-server serves dhcp"),
        ("isc-dhcp-server", "", ["--dhcp", "kea"], "isc-dhcp-server serves dhcp"),
        ("dnsmasq", "dhcp-range=10.0.0.5,10.0.0.9\n", [], "dnsmasq serves dhcp"),
        ("dnsmasq", "enable-tftp\n", [], "dnsmasq serves tftp"),
        ("tftpd-hpa", "", ["--tftp", "dnsmasq"], "tftpd-hpa serves tftp"),
        ("nfs-kernel-server", "", ["--nfs", "ganesha"], "nfs-kernel-server serves nfs"),
    ],
)
def test_second_server_is_refused(bundle: Path, active: str, settings: str, options: list[str], refused: str) -> None:
    """While another DHCP, TFTP or NFS server is at work, install.sh says which, and what to do, and stops."""
    done = install(bundle, "--dry-run", *options, path=with_active(bundle, active, settings=settings))
    assert done.returncode == 1
    assert refused in done.stderr
    assert "Would install" not in done.stdout


@pytest.mark.parametrize(
    ("active", "settings", "options"),
    [
        (["isc-dhcp-server", "tftpd-hpa", "nfs-kernel-server"], "", []),
        (["dnsmasq"], "#dhcp-range=10.0.0.5,10.0.0.9\nserver=10.0.0.1\n", []),
        (["dnsmasq"], "dhcp-range=10.0.0.0,static\n", ["--dhcp", "dnsmasq"]),
        (
            ["kea-dhcp4-server", "dnsmasq", "nfs-ganesha"],
            "enable-tftp\n",
            ["--dhcp", "kea", "--tftp", "dnsmasq", "--nfs", "ganesha"],
        ),
    ],
)
def test_chosen_servers_may_be_at_work(bundle: Path, active: list[str], settings: str, options: list[str]) -> None:
    """The chosen servers themselves may be active, and so may a dnsmasq that answers DNS questions only."""
    done = install(bundle, "--dry-run", *options, path=with_active(bundle, *active, settings=settings))
    assert done.returncode == 0, done.stderr
    assert "Would install" in done.stdout


def test_http_server_is_set_up_where_it_is_needed(http_bundle: Path, root: Path) -> None:
    """The bundle of a release that needs HTTP installs nginx's settings; another one has none."""
    done = install(http_bundle, "--root", root)
    assert done.returncode == 0, done.stderr
    settings = "etc/nginx/conf.d/nfsroot.conf"
    assert contents(root)[settings] == contents(http_bundle)[settings]
    assert {path for path in contents(root) if "nginx" in path} == {settings, unit_settings("nginx")}


NGINX_CONF = "user www-data;\nevents {{\n\tworker_connections {};\n\t# multi_accept on;\n}}\n"


@pytest.mark.parametrize(("before", "after"), [(768, 768), (100, 768), (5000, 5000)])
def test_nginx_gets_more_connections_where_it_has_too_few(
    debian: Recipe, root: Path, tmp_path: Path, before: int, after: int
) -> None:
    """The number in the administrator's nginx.conf is raised, and nothing else there; it is never lowered."""
    many = unpack(render(layout_of(with_nodes(with_http(debian), 200))), tmp_path / "many")
    (root / "etc/nginx").mkdir()
    (root / "etc/nginx/nginx.conf").write_text(NGINX_CONF.format(before))
    done = install(many, "--root", root)
    assert done.returncode == 0, done.stderr
    assert (root / "etc/nginx/nginx.conf").read_text() == NGINX_CONF.format(after)
    assert "nothing was changed" in install(many, "--root", root).stdout


@pytest.mark.server
def test_nginx_reads_its_settings_first(http_bundle: Path, root: Path) -> None:
    """Settings that nginx does not take are installed nowhere, and its words are shown."""
    with (http_bundle / "etc/nginx/conf.d/nfsroot.conf").open("a") as file:
        file.write("server { listen 192.168.0.1:81; auto_index off; }\n")
    before = contents(root)
    done = install(http_bundle, "--root", root)
    assert done.returncode == 1
    assert 'unknown directive "auto_index"' in done.stderr
    assert "nginx rejects etc/nginx/conf.d; nothing was changed" in done.stderr
    assert contents(root) == before
    assert not temporary(http_bundle)


SYSTEMCTL = """\
#!/bin/sh
echo "$*" >>{log}
case $1 in
  is-active) case " {active} " in *" $3 "*) ;; *) exit 3 ;; esac ;;
  is-enabled) case " {disabled} " in *" $2 "*) exit 1 ;; esac ;;
  restart) case " {broken} " in *" $2 "*) exit 1 ;; esac ;;
esac
"""
SS = """\
#!/bin/sh
case " {deaf} " in *" ${{3##* }} "*) ;; *) echo open ;; esac
"""
SYSCTL = """\
#!/bin/sh
echo "sysctl $*" >>{log}
"""
EXPORTFS = """\
#!/bin/sh
echo "exportfs $*" >>{log}
case $1 in -s) echo "{exported} 192.168.0.0/24(ro)" ;; esac
"""
ELSEWHERE = """\
if [ -n "$root" ]; then
  switch_menus
  exit 0
fi
"""
"""What install.sh does instead of having servers serve, where it installs below another directory than /."""

ASKING = ("is-active", "is-enabled", "cat", "exportfs -s")


def serve(bundle: Path, root: Path, *options: str, **states: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """install.sh below `root` as if that were /, and what it had systemctl(1) and exportfs(8) do.

    `states` name services that are active, disabled or broken, the directory that is exported, and ports where
    nobody listens (:69).
    """
    tools, log = bundle.parent / "tools", bundle.parent / "log"
    tools.mkdir(exist_ok=True)
    log.write_text("")
    values = {"log": log, "active": "", "disabled": "", "broken": "", "exported": "", "deaf": "", **states}
    for name, text in (("systemctl", SYSTEMCTL), ("exportfs", EXPORTFS), ("ss", SS), ("sysctl", SYSCTL)):
        (tools / name).write_text(text.format(**values))
        (tools / name).chmod(0o755)
    script = (bundle / "install.sh").read_text()
    script = script.replace("/run/systemd/system", str(tools)).replace(ELSEWHERE, "")
    script = script.replace("patience=100", "patience=2")
    script = script.replace('[ ! -d "/NFSROOT', f'[ ! -d "{root}/NFSROOT')
    (bundle / "install.sh").write_text(script)
    done = install(bundle, "--root", root, *options, path=f"{tools}:{os.environ['PATH']}")
    return done, [line for line in log.read_text().splitlines() if not line.startswith(ASKING)]


RELEASE_ROOT = "/NFSROOT/debian-nfsroot/1.0"
NEXT_ROOT = "/NFSROOT/debian-nfsroot/2.0"
ALL = "isc-dhcp-server tftpd-hpa nfs-kernel-server"


def test_servers_are_restarted(bundle: Path, root: Path) -> None:
    """With new settings each server is restarted, but the kernel's NFS server, which only exports again."""
    done, did = serve(bundle, root, active=ALL)
    assert done.returncode == 0, done.stderr
    assert did[0] == "daemon-reload"
    assert sorted(did[1:]) == ["exportfs -ra", "restart isc-dhcp-server", "restart tftpd-hpa"]


@pytest.mark.parametrize(
    "options",
    [(), ("--dhcp", "kea", "--nfs", "ganesha"), ("--dhcp", "dnsmasq", "--tftp", "dnsmasq")],
)
def test_the_next_release_restarts_nothing(
    bundle: Path, root: Path, debian: Recipe, tmp_path: Path, options: tuple[str, ...]
) -> None:
    """Of the settings only exports are new, whichever servers are chosen; DHCP and TFTP serve without a break."""
    active = "isc-dhcp-server tftpd-hpa nfs-kernel-server kea-dhcp4-server nfs-ganesha dnsmasq"
    serve(bundle, root, *options, active=active)
    (root / NEXT_ROOT.lstrip("/")).mkdir()
    following = unpack(render(layout_of(debian, "2.0", "6.13.0-1-amd64", "9.9")), tmp_path / "next")
    done, did = serve(following, root, *options, active=active)
    assert done.returncode == 0, done.stderr
    assert did == (["reload nfs-ganesha"] if "ganesha" in options else ["exportfs -ra"])
    changed = {path for path in contents(root) if path.startswith("etc/") and f"{root}/{path}\n" in done.stdout}
    assert {Path(path).parent.name for path in changed} == {"exports.d"}


def test_a_node_more_restarts_dhcp_alone(bundle: Path, root: Path, debian: Recipe, tmp_path: Path) -> None:
    """Nodes that run or load meanwhile keep TFTP and NFS; new menus come when the new root is exported."""
    fewer = with_cluster(debian, nodes=debian.cluster.nodes[:3])
    serve(unpack(render(layout_of(fewer)), tmp_path / "fewer"), root, active=ALL)
    (root / NEXT_ROOT.lstrip("/")).mkdir()
    more = unpack(render(layout_of(debian, version="2.0")), tmp_path / "more")
    done, did = serve(more, root, active=ALL)
    assert done.returncode == 0, done.stderr
    assert did == ["exportfs -ra", "restart isc-dhcp-server"]
    said = done.stdout.splitlines()
    switched = said.index(f"Nodes have the menus in {root}/srv/tftp/.grub/2-debian-nfsroot-2.0 from now on.")
    exported = said.index("Exported what /etc/exports and /etc/exports.d name.")
    assert exported < switched < said.index("Restarted isc-dhcp-server.")


def other_cluster(recipe: Recipe) -> Recipe:
    """The recipe for another cluster, with two nodes."""
    return with_cluster(recipe, name="second", nodes=recipe.cluster.nodes[:2])


@pytest.mark.parametrize("options", [(), ("--dhcp", "kea"), ("--dhcp", "dnsmasq", "--tftp", "dnsmasq")])
@pytest.mark.parametrize("dry", [(), ("--dry-run",)], ids=["run", "dry-run"])
def test_another_clusters_server_is_left_alone(
    bundle: Path,
    root: Path,
    debian: Recipe,
    tmp_path: Path,
    options: tuple[str, ...],
    dry: tuple[str, ...],
) -> None:
    """install.sh names the cluster that the server serves, and how many nodes would lose DHCP, and changes nothing."""
    assert install(bundle, "--root", root, *options).returncode == 0
    before = contents(root)
    second = unpack(render(layout_of(other_cluster(debian))), tmp_path / "second")
    refused = install(second, "--root", root, *options, *dry)
    assert refused.returncode == 1
    assert "this server serves mycluster: its 4 nodes would lose DHCP" in refused.stderr
    assert "--replace" in refused.stderr
    assert contents(root) == before


def test_another_clusters_server_is_taken_over_on_request(
    bundle: Path, root: Path, debian: Recipe, tmp_path: Path
) -> None:
    """With --replace the second cluster is served, then as if it had always been, and the first would be refused."""
    install(bundle, "--root", root)
    second = unpack(render(layout_of(other_cluster(debian))), tmp_path / "second")
    done = install(second, "--root", root, "--replace")
    assert done.returncode == 0, done.stderr
    assert "this server serves mycluster: its 4 nodes would lose DHCP" in done.stdout
    assert "nothing was changed" in install(second, "--root", root).stdout
    assert "this server serves second: its 2 nodes" in install(bundle, "--root", root).stderr


def test_a_cluster_may_change(bundle: Path, root: Path, debian: Recipe, tmp_path: Path) -> None:
    """A node less in the same cluster is no other cluster."""
    install(bundle, "--root", root)
    smaller = with_cluster(debian, nodes=debian.cluster.nodes[:3])
    done = install(unpack(render(layout_of(smaller)), tmp_path / "smaller"), "--root", root)
    assert done.returncode == 0, done.stderr
    assert "ssi4" not in (root / "etc/dhcp/dhcpd.conf").read_text()


def test_an_option_may_have_its_value_after_an_equals_sign(bundle: Path, root: Path) -> None:
    """--root=DIR is --root DIR."""
    assert install(bundle, f"--root={root}", "--dhcp=kea").returncode == 0
    assert (root / "etc/kea/kea-dhcp4.conf").exists()


def test_a_machine_without_the_servers_address_is_told(bundle: Path) -> None:
    """On a machine that has not got the address of the cluster's server, --dry-run says so."""
    path = with_active(bundle, "isc-dhcp-server")
    (bundle.parent / "tools/ip").write_text("#!/bin/sh\n")
    (bundle.parent / "tools/ip").chmod(0o755)
    caution = "Caution: this machine does not have the server's address 192.168.0.1"
    assert caution in install(bundle, "--dry-run", path=path).stdout
    (bundle.parent / "tools/ip").write_text("#!/bin/sh\necho 'eth0 inet 192.168.0.1/24'\n")
    assert caution not in install(bundle, "--dry-run", path=path).stdout


def test_dry_run_tells_what_would_start(bundle: Path) -> None:
    """--dry-run names the servers that would be restarted."""
    done = install(bundle, "--dry-run", path=with_active(bundle, "isc-dhcp-server"))
    assert done.returncode == 0, done.stderr
    assert "Would restart isc-dhcp-server.\nWould export again" in done.stdout


def test_nothing_is_done_to_servers_that_serve(bundle: Path, root: Path) -> None:
    """A second run leaves servers alone that run with the settings of the first."""
    serve(bundle, root, active=ALL)
    done, did = serve(bundle, root, active=ALL, exported=RELEASE_ROOT)
    assert did == []
    assert done.stdout == "Everything is in place; nothing was changed.\n"


def test_a_server_that_does_not_listen_is_an_error(bundle: Path, root: Path) -> None:
    """A restart that leaves nobody at the port fails and names it, and the next run does not say that all is well."""
    for _ in range(2):
        done, did = serve(bundle, root, active=ALL, exported=RELEASE_ROOT, deaf=":69")
        assert done.returncode == 1
        assert "tftpd-hpa was started, but nobody listens on udp port 69" in done.stderr
        assert "restart tftpd-hpa" in did
        assert "Restarted tftpd-hpa" not in done.stdout
    done, did = serve(bundle, root, active=ALL, exported=RELEASE_ROOT)
    assert done.returncode == 0, done.stderr
    assert did == []


def test_another_run_starts_what_does_not_serve(bundle: Path, root: Path) -> None:
    """After a server did not start, or was stopped, or the root was unpacked late, install.sh puts that right."""
    failed, did = serve(bundle, root, active="nfs-kernel-server", broken="isc-dhcp-server")
    assert failed.returncode == 1
    assert "isc-dhcp-server does not start: see journalctl -u isc-dhcp-server" in failed.stderr
    assert "restart tftpd-hpa" not in did
    mended, did = serve(bundle, root)
    assert mended.returncode == 0, mended.stderr
    assert sorted(did) == ["exportfs -ra", *(f"restart {service}" for service in sorted(ALL.split()))]
    assert "Started isc-dhcp-server." in mended.stdout


def test_limits_are_set_at_once(debian: Recipe, root: Path, tmp_path: Path) -> None:
    """For many nodes the kernel's limits are installed and loaded, and the NFS server gets its threads unstopped."""
    many = unpack(render(layout_of(with_nodes(debian, 200))), tmp_path / "many")
    threads = tmp_path / "threads"
    script = (many / "install.sh").read_text().replace("/proc/fs/nfsd/threads", str(threads))
    (many / "install.sh").write_text(script)
    done, did = serve(many, root, active=ALL)
    assert done.returncode == 0, done.stderr
    assert f"sysctl --quiet --load={root}/{SYSCTL_CONF}" in did
    assert threads.read_text() == "32\n"
    assert not [command for command in did if "nfs-kernel-server" in command]
    assert {SYSCTL_CONF, NFS_CONF} <= contents(root).keys()


def test_chosen_servers_start_with_the_machine(bundle: Path, root: Path) -> None:
    """A service that was disabled is enabled: going back to it would not survive the server's next start."""
    done, did = serve(bundle, root, active=ALL, disabled="isc-dhcp-server", exported=RELEASE_ROOT)
    assert "enable isc-dhcp-server" in did
    assert "enable tftpd-hpa" not in did
    assert "Enabled isc-dhcp-server." in done.stdout


def test_a_server_for_two_roles_is_restarted_once(bundle: Path, root: Path) -> None:
    """dnsmasq serves DHCP and TFTP, and stops for a moment only once."""
    dnsmasq = ("--dhcp", "dnsmasq", "--tftp", "dnsmasq")
    done, did = serve(bundle, root, *dnsmasq, active="dnsmasq nfs-kernel-server")
    assert did == ["daemon-reload", "exportfs -ra", "restart dnsmasq"]
    (bundle / "etc/dnsmasq.d/nfsroot-dhcp.conf").open("a").write("# more\n")
    done, did = serve(bundle, root, *dnsmasq, active="dnsmasq nfs-kernel-server", exported=RELEASE_ROOT)
    assert done.returncode == 0, done.stderr
    assert did == ["restart dnsmasq"]


def test_a_root_that_is_not_there_is_not_exported(bundle: Path, root: Path) -> None:
    """exportfs would fail for the directory: install.sh says to be run again, and does the rest."""
    (root / RELEASE_ROOT.lstrip("/")).rmdir()
    done, did = serve(bundle, root, active=ALL)
    assert done.returncode == 0, done.stderr
    assert f"Run install.sh again when {RELEASE_ROOT} is there" in done.stdout.replace(str(root), "")
    assert "exportfs -ra" not in did


def test_export_ids_of_releases_may_not_clash(bundle: Path, root: Path) -> None:
    """A release whose Export_Id another one on the server has is refused; its own older file does not count."""
    assert install(bundle, "--root", root, "--nfs", "ganesha").returncode == 0
    exports = root / "etc/ganesha/exports.d"
    own = exports / "debian-nfsroot-1.0.conf"
    own.write_text(own.read_text() + "# older\n")
    assert install(bundle, "--root", root, "--nfs", "ganesha").returncode == 0
    own.rename(exports / "debian-nfsroot-0.9.conf")
    before = contents(root)
    done = install(bundle, "--root", root, "--nfs", "ganesha")
    assert done.returncode == 1
    assert "is another release's" in done.stderr
    assert contents(root) == before


@pytest.mark.server
@pytest.mark.parametrize(
    ("path", "text", "checker", "options"),
    [
        ("etc/dhcp/dhcpd.conf", "option no-such-option 1;\n", "dhcpd rejects", []),
        ("etc/kea/kea-dhcp4.conf", "}\n", "kea-dhcp4 rejects", ["--dhcp", "kea"]),
        ("etc/dnsmasq.d/nfsroot-dhcp.conf", "dhcp-rage=1\n", "dnsmasq rejects", ["--dhcp", "dnsmasq"]),
        ("etc/dnsmasq.d/nfsroot.conf", "port=53\n", "dnsmasq rejects", ["--tftp", "dnsmasq"]),
        ("etc/default/tftpd-hpa", 'TFTP_OPTIONS="\n', "sh rejects", []),
        ("srv/tftp/grub/grub.cfg", "if true; then\n", "grub-script-check rejects", []),
    ],
)
@pytest.mark.parametrize("dry", [(), ("--dry-run",)], ids=["run", "dry-run"])
def test_broken_file_leaves_all_untouched(
    bundle: Path, root: Path, path: str, text: str, checker: str, options: list[str], dry: tuple[str, ...]
) -> None:
    """When a file fails its program's checker, install.sh says which, fails and touches nothing."""
    with (bundle / path).open("a") as file:
        file.write(text)
    before = contents(root)
    done = install(bundle, "--root", root, *options, *dry)
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
