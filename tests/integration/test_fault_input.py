"""Mistakes of the user, and mirrors that do not have what is asked of them."""

from __future__ import annotations

import http.server
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command import Project

NO_MIRROR = re.compile("nfsroot: the default mirror(?: of security fixes)? cannot be reached")
"""Neither can be: the message is about the one that was asked first."""

pytestmark = pytest.mark.container

WITHOUT_NETWORK = ("unshare", "--net")


@pytest.fixture
def empty_mirror(tmp_path: Path) -> Iterator[tuple[str, list[str]]]:
    """A mirror on the loopback interface that has nothing: its URL, and the paths that it was asked for."""
    asked: list[str] = []

    class Nothing(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *arguments: object) -> None:
            """Write nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Nothing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/debian", asked
        server.shutdown()


def test_packages_that_cannot_be_had(project: Callable[..., Project]) -> None:
    """A package that does not exist, or that conflicts with one that an element needs, stops a build and a check.

    Nothing runs before; each is told with its place, and with a near name or with who wants the other package.
    """
    made = project()
    made.tiny(packages=["iproute3", "iputils-ping", "dracut"])
    for done in (made.build(), made.run("check", "tiny", f"--cache-dir={made.cache}")):
        message = done.refusal(status=2)
        assert "there is no package 'iproute3' in Debian trixie (main); did you mean 'iproute2'?" in message
        assert "dracut conflicts with initramfs-tools, which element initramfs-nfs needs; take 'dracut' out" in message
        assert message.count("recipes/tiny.toml:") == 2
        assert done.started == []
    assert made.left() == []


def test_tree_that_could_not_boot(project: Callable[..., Project]) -> None:
    """A recipe without the element that makes an initramfs is refused before any step runs."""
    made = project()
    made.tiny(elements=["debian-root", "nfsroot"])
    done = made.build()
    assert "no element that makes an initramfs" in done.refusal(status=2)
    assert done.started == []


def test_mirror_without_the_suite(project: Callable[..., Project], empty_mirror: tuple[str, list[str]]) -> None:
    """A mirror that answers 404 is named, with the suite that it lacks."""
    url, asked = empty_mirror
    made = project()
    made.tiny(mirror=url)
    message = made.build(env={"http_proxy": ""}).refusal()
    assert f"{url} does not have what was asked of it for Debian trixie (404 Not Found)" in message
    assert asked
    assert made.left() == []


def test_no_network_to_look_at_the_archive(project: Callable[..., Project]) -> None:
    """Without a network the archive's state cannot be asked for, and the message says what to check."""
    made = project()
    for pointer in (made.cache / "pointers").iterdir():
        pointer.unlink()
    done = made.build(around=WITHOUT_NETWORK)
    assert NO_MIRROR.search(done.refusal())
    assert done.started == ["archive"]
    assert made.left() == []


def test_no_network_to_download_packages(project: Callable[..., Project]) -> None:
    """Without a network and without kept packages a tree cannot be made, though the archive's state is known."""
    made = project(packages=False)
    done = made.build(around=WITHOUT_NETWORK)
    assert NO_MIRROR.search(done.refusal())
    assert done.started == ["base"]
    assert made.left() == []


def test_no_network_to_make_the_builder_image(project: Callable[..., Project]) -> None:
    """Without a network the builder image cannot be bootstrapped."""
    made = project()
    for image in (made.cache / "objects").glob("builder-image-*"):
        image.unlink()
    done = made.build(around=WITHOUT_NETWORK)
    assert NO_MIRROR.search(done.refusal())
    assert done.started == ["builder-image"]
    assert made.left() == []
    assert made.working() == []


def test_no_network_and_none_needed(project: Callable[..., Project]) -> None:
    """With everything kept, a release is put together without any network."""
    made = project("tree", "initramfs", "nic-drivers", "pxegrub")
    assert made.build(around=WITHOUT_NETWORK).status == 0
    assert made.release.is_dir()
