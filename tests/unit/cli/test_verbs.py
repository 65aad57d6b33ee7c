"""Every verb, as a user meets it: what it prints, and how it ends."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import tomli
from archive_index import write_index

from builder import host
from builder.cache import Cache
from builder.container import image
from builder.debian import archive
from builder.keys import key_of
from builder.lab import host as lab_host
from builder.recipe.load import load
from builder.recipe.models import Debian
from builder.recipe.search import SearchPath
from builder.release.manifest import FILE, Manifest, Package, released_file
from builder.release.verdict import digest

Nfsroot = Callable[..., Any]
WRONG = 'extends = "kerrighed"\n[debian]\nsute = "trixie"\n[kerrighed]\nsession_id = 0\n'


def names_here() -> list[str]:
    """Names of what is in the current directory."""
    return [path.name for path in Path().iterdir()]


@pytest.fixture
def known_world(tmp_path: Path) -> Cache:
    """The cache of a machine that has the builder image and has asked the archive."""
    cache = Cache(tmp_path / "cache")

    def make_image(directory: Path) -> None:
        (directory / "id").write_text("a" * 24)

    def make_archive(directory: Path) -> None:
        write_index(directory, ("vim", *load("kerrighed", SearchPath.default()).packages))
        (directory / archive.SKELETON).write_text("")
        (directory / archive.ORDER).touch()
        (directory / "state.json").write_text(json.dumps({"date": "2025-11-15T10:00:00+00:00"}))

    cache.produce(image.STEP, key_of(image.definition()), {}, make_image)
    cache.produce(archive.STEP, "b" * 24, {}, make_archive)
    cache.set_pointer(archive.STEP, key_of(archive.inputs(Debian())), "b" * 24)
    found = archive.Snapshots(cache, Debian()).find()
    assert found is not None
    archive.Snapshots(cache, Debian()).write_index(found)
    return cache


@pytest.fixture
def release(nfsroot: Nfsroot, manifest: Manifest) -> Path:
    """A release in output/, of one file."""
    directory = Path("output/kerrighed/1.0")
    directory.mkdir(parents=True)
    held = {
        "source_date": 1763200000,
        "files": (released_file("vmlinuz-6.12.1-amd64", 1500000, "0" * 64),),
        "packages": (Package(name="nano", version="8.4-1", architecture="amd64", source="nano"),),
    }
    made = manifest.model_copy(update=held)
    (directory / FILE).write_text(made.text())
    for name in ("SHA256SUMS", "build.log"):
        (directory / name).write_text("")
    return directory


def test_check_of_a_right_recipe(nfsroot: Nfsroot) -> None:
    """A recipe without mistakes is summed up in one line."""
    ended = nfsroot("check", "kerrighed")
    assert ended.status == 0
    assert ended.out.startswith("kerrighed: Debian trixie, ")
    assert "4 nodes of mycluster in 192.168.0.0/24" in ended.out


def test_check_prints_the_resolved_recipe(nfsroot: Nfsroot) -> None:
    """--json gives everything that the recipe says, ranges expanded."""
    resolved = json.loads(nfsroot("check", "kerrighed", "--json").out)
    assert [node["name"] for node in resolved["cluster"]["nodes"]] == ["ssi1", "ssi2", "ssi3", "ssi4"]


@pytest.mark.parametrize("verb", ["check", "plan", "build"])
def test_wrong_recipe(nfsroot: Nfsroot, verb: str) -> None:
    """All mistakes of a recipe are told by place, before anything else is looked at, with status 2."""
    Path("mine.toml").write_text(WRONG)
    ended = nfsroot(verb, "mine.toml")
    assert ended.status == 2
    assert ended.out == ""
    assert "mine.toml:3:1:" in ended.err
    assert "mine.toml:5:" in ended.err
    assert "suite" in ended.err
    assert "Traceback" not in ended.err
    assert names_here() == ["mine.toml"]


@pytest.mark.parametrize("verb", ["check", "plan"])
def test_key_with_a_former_name(nfsroot: Nfsroot, verb: str) -> None:
    """A recipe with a key's former name is read; standard error has its place and the present name."""
    Path("mine.toml").write_text('extends = "kerrighed"\n[access]\nports = ["9100/tcp"]\n')
    ended = nfsroot(verb, "mine.toml")
    assert ended.status == 0
    assert ended.err == ("mine.toml:3:1: access.ports is called ports now; write ports = [...] above the first table\n")


@pytest.mark.parametrize("verb", ["check", "plan"])
def test_packages_that_the_archive_lacks(nfsroot: Nfsroot, known_world: Cache, verb: str) -> None:
    """Where the archive was asked before, packages are checked with the recipe, and nothing is written anywhere."""
    Path("mine.toml").write_text('extends = "kerrighed"\n[debian]\npackages = ["vmi", "ghost"]\n')
    before = sorted(known_world.root.rglob("*"))
    ended = nfsroot(verb, "mine.toml")
    assert (ended.status, ended.out) == (2, "")
    assert "mine.toml:3:13: there is no package 'vmi' in Debian trixie (main)" in ended.err
    assert "mine.toml:3:20: there is no package 'ghost' in Debian trixie (main)" in ended.err
    assert sorted(known_world.root.rglob("*")) == before


@pytest.mark.parametrize("verb", ["check", "plan", "build"])
def test_unknown_recipe(nfsroot: Nfsroot, verb: str) -> None:
    """A recipe that does not exist is told with what resembles it."""
    ended = nfsroot(verb, "kerighed")
    assert ended.status == 2
    assert "kerrighed" in ended.err


def test_plan_on_a_new_machine(nfsroot: Nfsroot, tmp_path: Path) -> None:
    """Without image and archive the plan says what comes first; it makes nothing, not even the cache."""
    ended = nfsroot("plan", "kerrighed")
    assert ended.status == 0
    steps = [line.split()[0] for line in ended.out.splitlines()]
    assert steps == ["base", "tree", "initramfs", "nic-drivers", "pxegrub", "overlay", "server-bundle"]
    assert all("  runs: " in line for line in ended.out.splitlines())
    assert "the builder image is to be made first" in ended.out
    assert not (tmp_path / "cache").exists()
    assert names_here() == []


def test_plan_says_why(nfsroot: Nfsroot, known_world: Cache) -> None:
    """Each step has its key and its reason, the same ones in JSON with all inputs."""
    made = json.loads(nfsroot("plan", "kerrighed", "--json").out)
    lines = nfsroot("plan", "kerrighed").out.splitlines()
    assert lines == [f"{step['name']:14} {step['key']}  runs: never built here" for step in made["steps"]]
    assert "nano" in made["steps"][1]["inputs"]["packages"]
    known_world.remember_inputs("kerrighed", {step["name"]: step["inputs"] for step in made["steps"]})
    Path("kerrighed.toml").write_text('extends = "kerrighed"\n[debian]\npackages = ["vim"]\n')
    assert "runs: packages: + vim" in nfsroot("plan", "kerrighed.toml").out.splitlines()[1]


def test_plan_finds_the_release(nfsroot: Nfsroot, known_world: Cache, release: Path) -> None:
    """When a release holds what the recipe would make, the plan says that there is nothing to do."""
    content = json.loads(nfsroot("plan", "kerrighed", "--json").out)["content"]
    manifest = json.loads((release / FILE).read_text())
    (release / FILE).write_text(json.dumps({**manifest, "content": content}))
    *steps, last = nfsroot("plan", "kerrighed").out.splitlines()
    assert last == "Nothing to do: release 1.0 has this content."
    assert all(line.endswith("  unchanged") for line in steps)
    assert "Nothing to do" not in nfsroot("plan", "kerrighed", "--version", "1.1").out


@pytest.mark.parametrize("verb", ["build", "plan"])
@pytest.mark.parametrize("version", ["../1.0", "1.0/x", "", " 1", "-1", ".1"])
def test_version_that_is_no_name(nfsroot: Nfsroot, verb: str, version: str) -> None:
    """A version that would lead out of the output directory, or hide the release, is refused."""
    ended = nfsroot(verb, "kerrighed", f"--version={version}")
    assert ended.status == 2
    assert "is not made of letters, digits" in ended.err


def test_version_of_the_environment(nfsroot: Nfsroot, monkeypatch: pytest.MonkeyPatch) -> None:
    """VERSION stands in for --version and is checked like it; an empty one is none."""
    monkeypatch.setenv("VERSION", "a/b")
    assert nfsroot("plan", "kerrighed").status == 2
    monkeypatch.setenv("VERSION", "")
    assert nfsroot("plan", "kerrighed").status == 0


@pytest.mark.parametrize(
    "value",
    [
        "99999999999999",
        "-5",
        " 5",
        "1e5",
        "5.0",
        "0x5",
        "\u0663",
        "4294967296",
        "9" * 5000,
        "4294967295",
        "yesterday",
    ],
)
def test_source_date_that_is_no_time(nfsroot: Nfsroot, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """SOURCE_DATE_EPOCH that is no number, or lies in the future, is refused in one short message."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", value)
    ended = nfsroot("plan", "kerrighed")
    assert ended.status == 2
    assert ended.err.startswith(f"nfsroot: SOURCE_DATE_EPOCH is '{value[:20]}")
    assert len(ended.err) < 300


@pytest.mark.parametrize("value", ["", "0", "1763200000"])
def test_source_date_that_is_a_time(nfsroot: Nfsroot, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """Any second of the past is a source date, and an empty one is none."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", value)
    assert nfsroot("plan", "kerrighed").status == 0


def test_build_without_root(nfsroot: Nfsroot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without root a build says at once what needs it, and has touched nothing."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    ended = nfsroot("build", "kerrighed")
    assert ended.status == 1
    assert ended.err.startswith("nfsroot: a build needs root: ")
    assert "-> Run it with sudo" in ended.err
    assert names_here() == []
    assert not (tmp_path / "cache").exists()


def test_build_without_its_engine(nfsroot: Nfsroot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Podman that is asked for and not there ends the build before it begins."""
    monkeypatch.setattr(host, "need_for_build", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    ended = nfsroot("build", "kerrighed", "--engine", "podman")
    assert ended.status == 1
    assert ended.err.startswith("nfsroot: podman is not on this machine\n-> ")


def test_list(nfsroot: Nfsroot, release: Path) -> None:
    """Recipes come first, those of this directory among them, then releases by their directories."""
    Path("recipes").mkdir()
    Path("recipes/mine.toml").write_text("")
    ended = nfsroot("list")
    assert ended.status == 0
    assert ended.out.splitlines() == [
        "recipe   debian-image",
        "recipe   debian-nfsroot",
        "recipe   kerrighed",
        "recipe   mine",
        "release  output/kerrighed/1.0  lab: none",
    ]


def test_verdicts(nfsroot: Nfsroot, release: Path) -> None:
    """`list` and `show` tell the verdict of lab.json; one about another manifest is named and counts for nothing."""
    report = release / "lab.json"
    report.write_text(json.dumps({"verdict": "passed", "manifest": digest(release)}))
    assert "release  output/kerrighed/1.0  lab: passed" in nfsroot("list").out.splitlines()
    assert "lab      passed" in nfsroot("show", str(release)).out.splitlines()
    report.write_text(json.dumps({"verdict": "passed", "manifest": "0" * 64}))
    unknown = "unknown (output/kerrighed/1.0/lab.json is about another manifest than the one beside it)"
    assert f"release  output/kerrighed/1.0  lab: {unknown}" in nfsroot("list").out.splitlines()
    assert f"lab      {unknown}" in nfsroot("show", str(release)).out.splitlines()


def test_show(nfsroot: Nfsroot, release: Path) -> None:
    """A release is shown with kernel, place, ports, verdict and sizes; on demand its packages or its manifest."""
    ended = nfsroot("show", str(release))
    assert ended.status == 0
    assert ended.out.splitlines()[:6] == [
        "kerrighed 1.0",
        "kernel   6.12.1-amd64",
        "server   /NFSROOT/kerrighed/1.0",
        "ports    22/tcp, 111/tcp, 111/udp",
        "packages 1",
        "lab      none",
    ]
    assert "       1.5 MB  vmlinuz-6.12.1-amd64" in ended.out.splitlines()
    assert "nano 8.4-1" in nfsroot("show", str(release), "--packages").out.splitlines()
    assert nfsroot("show", str(release), "--json").out == (release / FILE).read_text()


def test_show_of_no_release(nfsroot: Nfsroot) -> None:
    """A directory without a release leads to `nfsroot list`."""
    ended = nfsroot("show", "output")
    assert ended.status == 2
    assert "nfsroot: output holds no release\n-> `nfsroot list`" in ended.err


@pytest.mark.parametrize("options", [(), ("--manifest",), ("--lab",)])
def test_schema(nfsroot: Nfsroot, project_directory: Path, options: tuple[str, ...]) -> None:
    """All schemas are printed as they stand in docs/reference, and are right."""
    ended = nfsroot("schema", *options)
    name = f"{options[0].removeprefix('--') if options else 'recipe'}.schema.json"
    assert ended.out == (project_directory / "docs/reference" / name).read_text()
    schema = json.loads(ended.out)
    jsonschema.Draft202012Validator.check_schema(schema)
    if not options:
        jsonschema.validate(tomli.loads((project_directory / "recipes/kerrighed.toml").read_text()), schema)


def test_clean(nfsroot: Nfsroot, known_world: Cache, release: Path) -> None:
    """Cleaning keeps what was used lately, `--all` takes everything, and releases stay."""
    assert nfsroot("clean").out == f"0.0 MB freed in {known_world.root}\n"
    assert image.find(known_world) is not None
    assert nfsroot("clean", "--all").status == 0
    assert image.find(known_world) is None
    assert (release / FILE).exists()


def test_doctor(nfsroot: Nfsroot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The doctor names each missing tool and the one command that installs them; what is there is ok."""
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "bwrap").write_text("")
    (tmp_path / "bwrap").chmod(0o755)
    ended = nfsroot("doctor")
    assert ended.status == 1
    assert [line.split()[:2] for line in ended.out.splitlines()[:2]] == [["missing", "mmdebstrap"], ["ok", "bwrap"]]
    assert ended.out.endswith("apt-get install --no-install-recommends mmdebstrap\n")
    assert nfsroot("doctor", "--quiet").out == "mmdebstrap\n"


def test_doctor_finds_nothing(nfsroot: Nfsroot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine with every tool is well."""
    for tool in host.TOOLS:
        (tmp_path / tool.command).write_text("")
        (tmp_path / tool.command).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    ended = nfsroot("doctor")
    assert ended.status == 0
    assert "apt-get" not in ended.out


def test_doctor_of_the_lab(nfsroot: Nfsroot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With --lab the doctor looks for what the lab needs too, and names every package of a missing tool."""
    monkeypatch.setattr(lab_host, "ENVIRONMENT", {"PATH": str(tmp_path)})
    packages = nfsroot("doctor", "--lab", "--quiet").out.split()
    assert {"qemu-system-x86", "seabios", "nfs-ganesha-vfs"} <= set(packages)
    assert "bubblewrap" not in packages


def test_cache_of_the_xdg_specification(nfsroot: Nfsroot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The cache is where --cache-dir says, else in XDG_CACHE_HOME, else in ~/.cache."""
    monkeypatch.delenv("NFSROOT_CACHE_DIR")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert nfsroot("clean", "--cache-dir", "mine").out.endswith(f"{Path.cwd() / 'mine'}\n")
    assert nfsroot("clean").out.endswith(f"{tmp_path / 'xdg/nfsroot'}\n")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert nfsroot("clean").out.endswith(f"{tmp_path / 'home/.cache/nfsroot'}\n")
