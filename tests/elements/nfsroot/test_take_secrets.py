"""What packages' scripts make that no tree may hold goes; what else is a secret stops the build."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import random
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import brought
import pytest
from nfsroot_element import ELEMENT, PEM

Install = Callable[..., None]


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """Gives a program of the element, with its directories of a job below the test's own."""
    (tmp_path / "output").mkdir()
    (tmp_path / "owned").write_text("etc/shadow\n")
    (tmp_path / "secrets").write_text("")
    monkeypatch.setattr(brought, "SECRETS", tmp_path / "secrets")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1763200000")

    def load(name: str) -> ModuleType:
        loader = importlib.machinery.SourceFileLoader(name.replace("-", "_"), str(ELEMENT / name))
        spec = importlib.util.spec_from_loader(loader.name, loader)
        assert spec
        module = importlib.util.module_from_spec(spec)
        loader.exec_module(module)
        monkeypatch.setattr(module, "OUTPUT", tmp_path / "output")
        return module

    return load


@pytest.fixture
def program(job: Callable[[str], ModuleType]) -> ModuleType:
    """What takes secrets."""
    return job("take-secrets")


@pytest.fixture
def search(job: Callable[[str], ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """What finds those that are left."""
    module = job("find-secrets")
    monkeypatch.setattr(module, "OVERLAY", tmp_path / "owned")
    return module


def take(tree: Path, program: ModuleType) -> None:
    """Take secrets in both phases, without a hook between them."""
    program.main("packages", tree)
    program.main("tree", tree)


def cautions(tmp_path: Path) -> str:
    """What the user is told."""
    return (tmp_path / "output/cautions").read_text()


def refusal(tmp_path: Path) -> dict[str, str]:
    """Why the tree is refused."""
    said: dict[str, str] = json.loads((tmp_path / "output/refusal").read_text())
    return said


def test_plain_tree(tmp_path: Path, tree: Path, program: ModuleType, search: ModuleType) -> None:
    """A tree with what packages ship is left as it is, private keys among it, by whichever name of their directory."""
    before = sorted(tree.rglob("*"))
    take(tree, program)
    assert search.main(tree) == 0
    assert sorted(tree.rglob("*")) == before
    assert cautions(tmp_path) == ""


def test_key_of_all_nodes(tmp_path: Path, tree: Path, install: Install, program: ModuleType) -> None:
    """munge's key goes, and the user is told who brings it."""
    install("munge", ["etc/munge"], {"etc/munge/munge.key": random.Random(1).randbytes(128)})
    take(tree, program)
    assert not (tree / "etc/munge/munge.key").exists()
    assert "munge.key" in cautions(tmp_path)


def test_key_that_an_element_brings(
    tmp_path: Path, tree: Path, install: Install, program: ModuleType, search: ModuleType
) -> None:
    """The package's key goes, and what a hook writes then stays, if its element names the path."""
    install("munge", ["etc/munge"], {"etc/munge/munge.key": random.Random(1).randbytes(128)})
    (tmp_path / "secrets").write_text("/etc/munge\n")
    program.main("packages", tree)
    assert not (tree / "etc/munge/munge.key").exists()
    own = random.Random(2).randbytes(128)
    (tree / "etc/munge/munge.key").write_bytes(own)
    program.main("tree", tree)
    assert search.main(tree) == 0
    assert (tree / "etc/munge/munge.key").read_bytes() == own
    assert cautions(tmp_path) == ""


def test_key_of_each_node(tmp_path: Path, tree: Path, install: Install, program: ModuleType) -> None:
    """Files that each node makes stay empty with their modes, links named by their content go, and a unit is wanted."""
    key, certificate = "etc/ssl/private/ssl-cert-snakeoil.key", "etc/ssl/certs/ssl-cert-snakeoil.pem"
    install("ssl-cert", ["etc/ssl"], {key: PEM.encode(), certificate: b"-----BEGIN CERTIFICATE-----"})
    (tree / key).chmod(0o640)
    (tree / "etc/ssl/certs/12345678.0").symlink_to("ssl-cert-snakeoil.pem")
    take(tree, program)
    assert [(tree / path).read_bytes() for path in (key, certificate)] == [b"", b""]
    assert (tree / key).stat().st_mode & 0o777 == 0o640
    assert not (tree / "etc/ssl/certs/12345678.0").is_symlink()
    script = (tree / program.CALLS).read_text()
    assert f"{key} {certificate}\n" in script and "openssl req" in script
    assert (tree / program.WANTED).readlink() == Path(f"/{program.UNIT}")
    assert cautions(tmp_path) == ""


def test_database(tmp_path: Path, tree: Path, install: Install, program: ModuleType) -> None:
    """A database goes as a whole, directories and all."""
    install("postgresql-common", [], {"var/lib/postgresql/17/main/global/1": b"x", "etc/postgresql/17/main/a": b"x"})
    take(tree, program)
    assert list((tree / "var/lib/postgresql/17").iterdir()) == list((tree / "etc/postgresql/17").iterdir()) == []
    assert "pg_createcluster" in cautions(tmp_path)


def test_unknown_secret(tmp_path: Path, tree: Path, install: Install, program: ModuleType, search: ModuleType) -> None:
    """A secret that no row knows stops the build: the message names file, kind, package and the way out."""
    install("frobd", ["etc/frob"], {"etc/frob/server.key": PEM.encode()})
    take(tree, program)
    assert search.main(tree) == 1
    said = refusal(tmp_path)
    assert said["details"] == "/etc/frob/server.key: a private key (PEM); its directory is of package frobd"
    assert "1 secret " in said["brief"] and "element.toml" in said["resolution"]


def test_overlay_is_not_looked_at(tree: Path, search: ModuleType) -> None:
    """A password's hash in /etc/shadow is the overlay's affair."""
    (tree / "etc/shadow").write_text("root:$y$j9T$abcdefghijklmnop$abcdefghijklmnopqrstuvwxyz:1::::::\n")
    assert search.main(tree) == 0


def test_links_lead_nowhere(tmp_path: Path, tree: Path, program: ModuleType) -> None:
    """A directory that is a link is not followed out of the tree."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "munge.key").write_bytes(random.Random(1).randbytes(128))
    (tree / "etc/munge").symlink_to(outside)
    program.main("packages", tree)
    assert (outside / "munge.key").exists()


def test_names_that_are_no_text(tmp_path: Path, tree: Path, search: ModuleType) -> None:
    """A name that is no UTF-8 is shown, and not stumbled over."""
    with open(bytes(tree) + b"/etc/bad\xff.key", "w") as file:  # noqa: PTH123  (bytes)
        file.write(PEM)
    assert search.main(tree) == 1
    assert "/etc/bad\\udcff.key: a private key" in refusal(tmp_path)["details"]
