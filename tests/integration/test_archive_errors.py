"""What an archive can do wrong, with real apt and a small archive on the loopback interface."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from small_archive import SmallArchive, TrustingSandbox, serving

from builder.cache import Cache
from builder.container import image as builder_image
from builder.container.engine import Engine
from builder.container.sandbox import Sandbox
from builder.debian import archive as archives
from builder.debian import index, sources
from builder.debian.archive import Archive
from builder.errors import NfsrootError
from builder.recipe.models import Debian

pytestmark = pytest.mark.container

LISTS = "debian/dists/trixie/main/binary-amd64/Packages"
SECRET = "hunter2"


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallArchive]:
    """A small archive, served."""
    for variable in ("http_proxy", "NFSROOT_APT_AUTH"):
        monkeypatch.delenv(variable, raising=False)
    (tmp_path / "archive").mkdir()
    with serving(SmallArchive(tmp_path / "archive")) as archive:
        yield archive


@pytest.fixture
def look(small: SmallArchive, cache: Cache, tmp_path: Path) -> Callable[..., Archive]:
    """Looks at the archive, by default with its key trusted, and keeps its state in a cache of its own."""
    image = builder_image.ensure(cache, lambda _line: None)

    def do(engine: Engine | None = None) -> Archive:
        debian = Debian(mirror=f"{small.url}/debian", security_mirror=f"{small.url}/security")
        trusting, own = engine or TrustingSandbox(small.key.parent), Cache(tmp_path / "cache")
        found = archives.Snapshots(own, debian).look(trusting, image, lambda _line: None)
        archives.Snapshots(own, debian).write_index(found)
        return found

    return do


def refusal(look: Callable[..., Archive], *engine: Engine) -> str:
    """What a person reads when the archive is refused: first the cause, and what to do at the end."""
    with pytest.raises(NfsrootError) as caught:
        look(*engine)
    assert caught.value.resolution
    assert "mmdebstrap failed" not in caught.value.brief
    return caught.value.brief


def test_suites_of_a_named_mirror(small: SmallArchive, look: Callable[..., Archive]) -> None:
    """A named mirror is asked for the suite and its updates, the other one for security, as the tree's sources say."""
    small.prepare("hello")
    found = look()
    assert sources.read(found.skeleton).split("\n") == [
        f"deb {small.url}/debian trixie main",
        f"deb {small.url}/debian trixie-updates main",
        f"deb {small.url}/security trixie-security main",
        "",
    ]
    assert index.names(found.index) == ["hello"]


def test_unknown_key(small: SmallArchive, look: Callable[..., Archive]) -> None:
    """An archive that somebody else than Debian signed."""
    small.prepare()
    assert refusal(look, Sandbox()) == f"{small.url}/debian is signed with a key that is not Debian's"


def test_expired(small: SmallArchive, look: Callable[..., Archive]) -> None:
    """A mirror that nobody has updated for too long."""
    small.prepare(days=-3)
    assert refusal(look) == f"{small.url}/debian is out of date: its Release file has expired"


@pytest.mark.parametrize("altered", [b"Package: hellp", b"Package: hello, and more"], ids=["same size", "larger"])
def test_altered_lists(small: SmallArchive, look: Callable[..., Archive], altered: bytes) -> None:
    """Package lists that are not those that were signed."""
    small.prepare("hello")
    lists = small.directory / LISTS
    lists.write_bytes(lists.read_bytes().replace(b"Package: hello", altered))
    assert refusal(look).startswith(f"{small.url}/debian gave a file that is not what its signed lists describe")


def test_altered_release_file(small: SmallArchive, look: Callable[..., Archive]) -> None:
    """A Release file that was altered after it had been signed."""
    small.prepare()
    release = small.directory / "debian/dists/trixie/InRelease"
    release.write_bytes(release.read_bytes().replace(b"Origin: Debian", b"Origin: Debiam"))
    assert refusal(look).startswith(f"{small.url}/debian has a Release file that does not fit its signature")


def test_mirror_that_lacks_updates(small: SmallArchive, look: Callable[..., Archive]) -> None:
    """A mirror without one of the suites is not taken as if that were empty."""
    small.prepare()
    (small.directory / "debian/dists/trixie-updates/InRelease").unlink()
    (small.directory / "debian/dists/trixie-updates/Release").unlink()
    assert refusal(look).startswith(f"{small.url}/debian does not have what was asked of it")


def test_password(
    small: SmallArchive, look: Callable[..., Archive], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mirror that wants a password says so; it gets the one in the user's file, of which nothing is kept."""
    small.prepare("hello")
    small.users = [f"me:{SECRET}"]
    assert refusal(look) == f"{small.url}/debian wants a user and a password (401 Unauthorized)"
    passwords = tmp_path / "mirror.conf"
    passwords.write_text(f"machine {small.url} login me password {SECRET}\n")
    passwords.chmod(0o600)
    monkeypatch.setenv("NFSROOT_APT_AUTH", str(passwords))
    found = look()
    assert index.names(found.index) == ["hello"]
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file() and secret_in(path)] == []


def secret_in(path: Path) -> bool:
    """Whether a file has the password in it."""
    return SECRET.encode() in path.read_bytes()
