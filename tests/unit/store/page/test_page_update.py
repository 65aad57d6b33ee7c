"""Which pages publishers write, and what is left when they fail."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from store_cases import NotedStorage, PublishedStore, versions

from builder.errors import NfsrootError
from builder.store import catalog, copies, prune
from builder.store.errors import StoreFullError, UnsupportedError
from builder.store.metadata import change_nothing
from builder.store.page.update import find_held, update_pages, write_all_pages
from builder.store.storage.directory import DirectoryStorage
from builder.store.storage.interface import Content
from builder.store.storage.oci import OciStorage


def test_publish_writes_the_pages_of_what_changed(store: PublishedStore) -> None:
    """A release that is published has its page written, and so has the one from which it takes a channel."""
    store.publish("1", channel="stable")
    assert store.storage.pages() == ["pages/small/1.html"]
    store.publish("2")
    assert store.storage.pages() == ["pages/small/2.html"]
    store.publish("3", channel="stable")
    assert store.storage.pages() == ["pages/small/1.html", "pages/small/3.html"]
    store.publish("1", name="other")
    assert store.storage.pages() == ["pages/other/1.html"]
    assert "small" in store.text("index.html")


def test_promote_reads_few_manifests(store: PublishedStore) -> None:
    """Two pages change with a channel, whatever the store holds; only their manifests and those before are read."""
    for version in "123456789":
        store.publish(version, channel="stable" if version == "3" else "")
    store.storage.pages()
    shutil.rmtree(store.directory / "cache")
    store.storage.read_paths.clear()
    store.publisher().commit(lambda targets: catalog.set_channel(targets, "small", "8", "stable"))
    assert store.storage.pages() == ["pages/small/3.html", "pages/small/8.html"]
    manifests = {path.split("/")[2] for path in store.storage.read_paths if path.endswith(".manifest.json")}
    assert manifests == {"2", "3", "7", "8"}
    assert "stable" not in store.text("pages/small/3.html").partition("<dl")[0].partition("</head>")[2]


def test_yank_writes_the_page_after_it(store: PublishedStore) -> None:
    """A release that is withdrawn says why, and the next one is compared with the release before that."""
    for version in "123":
        store.publish(version)
    store.storage.pages()
    store.publisher().commit(lambda targets: [catalog.yank(targets, "small", "2", "nodes hang"), None][1])
    assert store.storage.pages() == ["pages/small/2.html", "pages/small/3.html"]
    assert "nodes hang" in store.text("pages/small/2.html")
    assert "nodes hang" in store.text("index.html")
    assert 'href="1.html"' in store.text("pages/small/3.html")


def test_prune_removes_pages(store: PublishedStore) -> None:
    """The pages of releases that are gone go too, and no page links to them any more."""
    for version in "1234":
        store.publish(version)
    store.storage.pages()
    publisher = store.publisher()
    prune.prune(publisher, prune.plan(publisher, 2))
    assert store.storage.pages() == ["pages/small/3.html"]
    assert set(store.page_files()) == {"index.html", "pages/small/3.html", "pages/small/4.html"}
    assert 'href="2.html"' not in store.text("pages/small/3.html")


def test_refresh_writes_the_first_page_alone(store: PublishedStore) -> None:
    """A store that is signed anew tells so on its first page."""
    store.publish("1")
    store.storage.pages()
    store.publisher().commit(change_nothing)
    assert store.storage.pages() == []
    assert "state 2 of the" in store.text("index.html")


def test_pages_are_the_same_when_written_anew(store: PublishedStore) -> None:
    """All pages written anew have the bytes that publishers wrote one by one."""
    for version in "123":
        store.publish(version, channel="test")
    by_publishers = store.page_files()
    shutil.rmtree(store.storage.root / "pages")
    assert write_all_pages(store.trusted()) == 3
    assert store.page_files() == by_publishers


@pytest.mark.parametrize("damaged", [None, "", "[]", "{", '{"../../x": "1", "../x": "2", "small/1": 7}', "[" * 100_000])
def test_damaged_list_of_pages(store: PublishedStore, damaged: str | None) -> None:
    """Without a list of pages, or with any other in its place, the next publisher writes all of them and no other."""
    store.publish("1")
    store.publish("2")
    store.storage.pages()
    outside = store.directory / "x.html"
    outside.write_text("kept")
    listed = store.storage.root / "pages.json"
    listed.unlink()
    if damaged is not None:
        listed.write_text(damaged)
    store.publish("3")
    assert store.storage.pages() == ["pages/small/1.html", "pages/small/2.html", "pages/small/3.html"]
    assert set(json.loads(listed.read_text())) == {"small/1", "small/2", "small/3"}
    assert outside.read_text() == "kept"


class FullStorage(NotedStorage):
    """A store in which there is no room for one object."""

    full_for = ""

    def put(self, path: str, content: Content, keeps: object = ()) -> None:  # noqa: ARG002
        if path == self.full_for:
            raise StoreFullError(f"there is no room for {path}")
        super().put(path, content)


@pytest.mark.parametrize("lacking", ["index.html", "pages/small/2.html", "pages.json"])
def test_page_that_cannot_be_written(store: PublishedStore, lacking: str) -> None:
    """The release is published all the same, the publisher is told, and the next one writes what is missing."""
    store.publish("1")
    full = FullStorage(store.storage.root)
    full.full_for = lacking
    store.storage = full
    with pytest.raises(NfsrootError) as told:
        store.publish("2")
    assert "is changed and signed, but its pages" in told.value.brief
    assert f"there is no room for {lacking}" in told.value.details
    assert told.value.resolution.startswith(f"nfsroot store pages {full.address}")
    assert versions(catalog.read_catalog(store.trusted().targets)) == ["small@2", "small@1"]
    full.full_for = ""
    update_pages(store.trusted())
    assert set(store.page_files()) == {"index.html", "pages/small/1.html", "pages/small/2.html"}


class UnreadableStorage(NotedStorage):
    """A store of a kind that no web browser reads."""

    serves_pages = False


def test_kinds_without_browsers_have_no_pages(store: PublishedStore) -> None:
    """A store that no browser reads gets no pages, and says so to who asks for them."""
    assert OciStorage.serves_pages is False
    store.storage = UnreadableStorage(store.storage.root)
    store.publish("1")
    assert not any(path.endswith((".html", "pages.json")) for path in store.storage.written)
    with pytest.raises(UnsupportedError, match="web browsers"):
        write_all_pages(store.trusted())


def test_copy_shows_what_it_has(store: PublishedStore, tmp_path: Path) -> None:
    """The pages of a copy tell of the releases that were copied, and how many more there are."""
    for version in "123":
        store.publish(version)
    target = DirectoryStorage(tmp_path / "copy")
    source = store.trusted()
    copies.copy(source, target, copies.choose(source, ["small@3"]), store.transfers)
    assert {file.name for file in target.root.glob("pages/*/*")} == {"3.html"}
    assert "2 more releases are in the store itself" in (target.root / "index.html").read_text()
    copies.copy(source, target, copies.choose(source, ["small@1"]), store.transfers)
    assert {file.name for file in target.root.glob("pages/*/*")} == {"1.html", "3.html"}
    assert 'href="1.html"' in (target.root / "pages/small/3.html").read_text()
    assert versions(find_held(replace(source, storage=target))) == ["small@3", "small@1"]
    copies.copy(source, target, copies.choose(source, []), store.transfers)
    assert _without_state(target.root / "index.html") == _without_state(store.storage.root / "index.html")


def _without_state(page: Path) -> str:
    return page.read_text().partition("<footer")[0]
