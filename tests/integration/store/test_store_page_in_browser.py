"""The pages of a store in a real browser, wide and narrow, light and dark, with and without scripts."""

from __future__ import annotations

import functools
import http.server
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from devtools import LEAST_CHART_TEXT, LEAST_CONTRAST, LEAST_TEXT, TEXTS, Tab, open_tab
from lab_report import FAILED, PASSED, cell, node, report
from small_release import make_release

from builder.store import catalog
from builder.store.publish import Candidate, Permissions, lab_file, open_or_make_store, publish
from builder.store.release import read_manifest
from builder.store.release_files import check_unsent
from builder.store.storage.directory import DirectoryStorage
from builder.store.transfer import Transfers

WIDTHS = (1280, 390)
LONG = "a-recipe-whose-name-is-as-long-as-somebody-could-make-it-on-a-bad-day.with+signs~"
REASON = "nodes with igb cards hang; " + "no-space-in-this-word" * 8

OPEN = "document.querySelectorAll('details').forEach(fold => { fold.open = true; })"


class SmallStore:
    """A store of releases of every standing, one with a report of the lab, in a directory."""

    def __init__(self, directory: Path) -> None:
        self.releases = directory / "releases"
        self.storage = DirectoryStorage(directory / "store")
        for number in range(12):
            self.publish("cluster", f"1.{number}", number)
        self.publish("cluster", "2.0", 12, channel="stable")
        self.publish("cluster", "2.1", 13, channel="test", lab="failed")
        self.publish(LONG, "1.0~rc1+b2", 14)
        publisher = self.publisher()
        publisher.commit(lambda targets: [catalog.yank(targets, "cluster", "1.11", REASON), None][1])
        self.pages = sorted(self.storage.root.glob("pages/*/*.html"))
        self.first = self.storage.root / "index.html"

    def publisher(self) -> Any:
        return open_or_make_store(self.storage, None, lambda _text: None)

    def publish(self, name: str, version: str, number: int, channel: str = "", lab: str = "passed") -> None:
        package = {"architecture": "amd64", "source": "a-source-package"}
        packages = [
            {**package, "name": f"package{at}", "version": f"1:{at}.{number // 3}-1+deb13u{number}"} for at in range(40)
        ]
        release = make_release(self.releases, name=name, version=version, lab="", packages=packages)
        manifest = read_manifest(release)
        nodes = [
            node(f"ssi{at}", checks=(PASSED, FAILED) if lab == "failed" else (PASSED,), passed=lab == "passed")
            for at in range(4)
        ]
        made = report(cell(*nodes), name=name, version=version, manifest=manifest.sha256)
        (release / "lab.json").write_text(made.text())
        candidate = Candidate(
            release, manifest, lab, partial(lab_file, release), partial(check_unsent, release, manifest)
        )
        publish(
            self.publisher(),
            candidate,
            Transfers(lambda _event: None),
            channel=channel,
            allowed=Permissions(unproved=True),
        )

    def page(self, name: str, version: str) -> Path:
        return self.storage.root / f"pages/{name}/{version}.html"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallStore]:
    """A store, whose publisher has a home of his own."""
    directory = tmp_path_factory.mktemp("pages")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(directory / "home"))
        for variable in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
            patch.delenv(variable, raising=False)
        times = iter(range(1_800_000_000, 1_900_000_000, 60))
        patch.setattr(catalog, "now", lambda: next(times))
        yield SmallStore(directory)


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    """A browser."""
    with open_tab(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.fixture(params=["index", "stable", "failed", "withdrawn", "long"])
def page(request: pytest.FixtureRequest, store: SmallStore) -> Path:
    """A page of each kind."""
    pages = {
        "index": store.first,
        "stable": store.page("cluster", "2.0"),
        "failed": store.page("cluster", "2.1"),
        "withdrawn": store.page("cluster", "1.11"),
        "long": store.page(LONG, "1.0~rc1+b2"),
    }
    return pages[request.param]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_page_can_be_read(tab: Tab, page: Path, tmp_path: Path, width: int, dark: bool) -> None:
    """Nothing is wider than the window, no text is too small or too pale, and the browser has no complaint."""
    tab.show(page, width=width, dark=dark)
    tab.ask(OPEN)
    assert tab.ask("document.documentElement.scrollWidth") == width
    texts = tab.ask(TEXTS)
    assert len(texts) > 30
    assert [text for text in texts if text["right"] > width] == []
    assert [text for text in texts if text["size"] < (LEAST_CHART_TEXT if text["chart"] else LEAST_TEXT)] == []
    assert [text for text in texts if text["contrast"] < LEAST_CONTRAST] == []
    charts = "Array.from(document.querySelectorAll('svg')).filter(chart => chart.getClientRects().length).length"
    assert tab.ask(charts) == (1 if "<svg" in page.read_text() else 0)
    assert tab.complaints == []
    tab.picture(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 10_000
    ground = tab.ask("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", ground))) < 150) is dark


def test_links_work(tab: Tab, page: Path) -> None:
    """Every link leads to a file of the store, and to a place that the page there has."""
    tab.show(page, width=1280)
    links: list[str] = tab.ask("Array.from(document.links, link => link.href)")
    assert len(links) > 3
    for link in links:
        target = Path(unquote(urlsplit(link).path))
        assert target.is_file(), link
        if place := unquote(urlsplit(link).fragment):
            assert f'id="{place}"' in target.read_text(), link


def test_links_from_the_first_page_open_releases(tab: Tab, store: SmallStore) -> None:
    """A click on a version opens its page, and a click there leads back."""
    tab.show(store.first, width=390)
    assert tab.ask("document.querySelector('.cards .big a').textContent") == "2.0"
    tab.follow(".cards .big a")
    assert tab.ask("document.querySelector('h1').textContent") == "cluster 2.0"
    tab.follow("header a")
    assert tab.ask("location.pathname") == str(store.first)


def test_search_finds_packages(tab: Tab, store: SmallStore) -> None:
    """What is typed hides all packages but those whose row has it, and an empty search shows all of them again."""
    tab.show(store.page("cluster", "2.0"), width=390)
    shown = "Array.from(document.querySelectorAll('.list tbody tr')).filter(row => row.getClientRects().length).length"
    assert tab.ask(shown) == 40
    tab.ask("document.querySelector('.search input').focus()")
    tab.call("Input.insertText", text="PACKAGE3")
    assert tab.ask(shown) == 11
    assert tab.ask("document.getElementById('count').textContent") == "11 of 40 packages"
    tab.ask("document.querySelector('.search input').select()")
    tab.call("Input.insertText", text="no such package")
    assert tab.ask(shown) == 0
    tab.ask("document.querySelector('.search input').select()")
    tab.call("Input.insertText", text=" ")
    assert tab.ask(shown) == 40


def test_page_is_whole_without_scripts(tab: Tab, store: SmallStore) -> None:
    """Without scripts every package is there, no search that does nothing, and STORE in commands, to be filled in."""
    tab.show(store.page("cluster", "2.0"), width=390, script=False)
    assert tab.ask("document.querySelectorAll('.list tbody tr').length") == 40
    assert tab.ask("document.querySelector('.search').getClientRects().length") == 0
    assert "--from STORE" in tab.ask("document.querySelector('#get pre').innerText")


def test_commands_name_the_store(tab: Tab, store: SmallStore) -> None:
    """With scripts commands have the address of the store in the place of STORE."""
    tab.show(store.page("cluster", "2.0"), width=1280)
    command = tab.ask("document.querySelector('#get pre').innerText")
    assert command.startswith(f"nfsroot fetch cluster@2.0 --from {store.storage.root} \\\n  --trust SHA256:")


@pytest.fixture
def server(store: SmallStore) -> Iterator[str]:
    """A web server that serves the store."""
    handler = functools.partial(Quiet, directory=str(store.storage.root))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{serving.server_address[1]}"
        serving.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files and logs nothing."""

    def log_message(self, *_arguments: object) -> None:
        pass


def test_commands_without_nfsroot(store: SmallStore, server: str, tmp_path: Path) -> None:
    """What the page says about curl, jq and sha256sum gets the files of the release and proves them."""
    text = store.page("cluster", "2.0").read_text()
    found = re.search(r'<pre class="command" id="by-hand">(.*?)</pre>', text, re.DOTALL)
    assert found
    commands = unescape(re.sub(r"<[^>]*>", "", found[1])).replace("store=STORE", f"store={server}")
    environment = {**os.environ, "no_proxy": "127.0.0.1"}
    run = functools.partial(subprocess.run, ["bash", "-euo", "pipefail", "-c", commands], env=environment, text=True)
    done = run(cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(": OK") == 5
    release = store.releases / "cluster/2.0"
    for file in read_manifest(release).files:
        assert (tmp_path / file.path).read_bytes() == (release / file.path).read_bytes()
    with (tmp_path / "empty").open("ab") as damaged:
        damaged.write(b"x")
    check = ["bash", "-c", commands.splitlines()[-1]]
    assert subprocess.run(check, cwd=tmp_path, capture_output=True, check=False).returncode != 0
