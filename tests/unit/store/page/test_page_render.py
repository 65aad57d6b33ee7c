"""What pages say, and that nothing in a release or in a user's words becomes markup."""

from __future__ import annotations

import base64
import hashlib
import random
import re
from html.parser import HTMLParser
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from store_cases import PublishedStore

from builder.store import catalog
from builder.store.page.render import size_in_words

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style></pre></td>",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)",
    "' onclick='x",
    "&lt;b&gt;&#60;",
    "-->",
]
SIGNS = ["\x1b[2J", "\u202e", "\x00", "\u2066", "ü", "漢"]


class Tags(HTMLParser):
    """The elements of a page with their attributes, its text, and the content of its scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.within: dict[str, str] = {"script": "", "style": ""}
        self._in = ""
        self.feed(page)

    @property
    def text(self) -> str:
        return "".join(self.words)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._in = tag

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002
        self._in = ""

    def handle_data(self, data: str) -> None:
        if self._in in self.within:
            self.within[self._in] += data
        else:
            self.words.append(data)

    def links(self) -> list[str]:
        """Where the page leads."""
        return [str(attributes["href"]) for _, attributes in self.elements if "href" in attributes]


def package(name: str, version: str, **fields: Any) -> dict[str, Any]:
    """A package in a manifest."""
    return {"name": name, "version": version, "architecture": "amd64", "source": name, **fields}


@pytest.mark.parametrize("seed", range(12))
def test_hostile_words_are_text(store: PublishedStore, seed: int) -> None:
    """Whatever a manifest, a verdict or a reason says is shown as it is, and changes no element of a page."""
    chance = random.Random(seed)

    def hostile() -> str:
        return "".join(chance.choices(HOSTILE, k=2))

    plain = package("tar", "1")
    store.publish("0", packages=[plain])
    shape = [tag for tag, _ in Tags(store.text("pages/small/0.html")).elements]
    name, version, source, lab, kernel, reason = (hostile() for _ in range(6))
    sign = chance.choice(SIGNS)
    packages = [package(name + sign, version + sign, source=source + sign, architecture=hostile())]
    store.publish("1", lab=lab + sign, kernel_version=kernel + sign, packages=packages)
    store.publisher().commit(lambda targets: [catalog.yank(targets, "small", "1", reason + sign), None][1])
    for path in ("index.html", "pages/small/1.html"):
        tags = Tags(store.text(path))
        named = [element for element, _ in tags.elements]
        assert set(named) <= {*shape, "ul", "li", "b", "div", "span", "dl", "dt", "dd"}
        assert (named.count("script"), named.count("style"), named.count("img")) == (1, 1, 0)
        for _, attributes in tags.elements:
            assert not any(key.startswith("on") for key in attributes)
        for link in tags.links():
            assert urlsplit(link).scheme in ("", "data")
        assert not re.search(r"[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", store.text(path))
        assert reason in tags.text and kernel in tags.text
    page = Tags(store.text("pages/small/1.html")).text
    for words in (name, version, source, lab):
        assert words in page


def test_policy_allows_the_page_itself_alone(store: PublishedStore) -> None:
    """The policy names the digests of the one script and the one style; nothing is loaded from elsewhere."""
    store.publish("1")
    for path in store.page_files():
        tags = Tags(store.text(path))
        policy = next(attributes["content"] for tag, attributes in tags.elements if "http-equiv" in attributes)
        assert policy and policy.startswith("default-src 'none';")
        for kind in ("script", "style"):
            digest = base64.b64encode(hashlib.sha256(tags.within[kind].encode()).digest()).decode()
            assert f"{kind}-src 'sha256-{digest}'" in policy
        assert not any("src" in attributes or "style" in attributes for _, attributes in tags.elements)
        assert "http://" not in store.text(path) and "https://" not in store.text(path)


def test_links_lead_to_objects_of_the_store(store: PublishedStore) -> None:
    """Every link of a page leads to an object or a place on a page, also where names have signs of addresses."""
    store.publish("1.0+b1~rc", name="c++")
    store.publish("1.1", name="c++", channel="stable")
    for path in store.page_files():
        links = [link for link in Tags(store.text(path)).links() if not link.startswith("data:")]
        assert links
        for link in links:
            split = urlsplit(link)
            target = (
                (store.storage.root / path).parent / unquote(split.path) if split.path else store.storage.root / path
            )
            assert target.is_file(), link
            if split.fragment:
                places = {attributes.get("id") for _, attributes in Tags(target.read_text()).elements}
                assert unquote(split.fragment) in places, link


def test_first_page_shows_stable_first(store: PublishedStore) -> None:
    """The release of the channel stable stands before those of other channels, with its verdict and its command."""
    store.publish("1", channel="alpha")
    store.publish("2", channel="stable")
    store.publish("3", lab="failed")
    page = store.text("index.html")
    cards = page[page.index('class="cards"') : page.index("<table")]
    assert cards.index(">2</a>") < cards.index(">1</a>")
    assert "nfsroot fetch small@stable" in cards
    assert ">proved<" in cards
    assert ">not proved<" in page[page.index(">3</a>") :].partition("</tr>")[0]


def test_unproved_and_withdrawn_releases_say_so_first(store: PublishedStore) -> None:
    """The page of a release says what is wrong with it before it says how to get it."""
    store.publish("1", lab="failed")
    store.publisher().commit(lambda targets: [catalog.yank(targets, "small", "1", "it hangs"), None][1])
    words = Tags(store.text("pages/small/1.html")).text
    assert words.index("The publisher withdrew this release: it hangs") < words.index("Get it")
    assert words.index("Nobody has proved this release") < words.index("Get it")
    assert "The lab's verdict when it was published: failed" in words


def test_page_says_what_changes(store: PublishedStore) -> None:
    """Packages that were added, removed and changed, security updates, kernel and nodes are on the page."""
    cluster = {"debian": {"architecture": "amd64"}, "cluster": {"nodes": [{"name": "ssi1"}]}}
    grown = {"debian": {"architecture": "amd64"}, "cluster": {"nodes": [{"name": "ssi1"}, {"name": "ssi2"}]}}
    old = [package("gone", "1"), package("ssl", "3.0-1+deb13u1"), package("tar", "1")]
    new = [package("come", "2", security=""), package("ssl", "3.0-1+deb13u2", security="3.0-1+deb13u2")]
    store.publish("1", packages=old, kernel_version="6.12.1", recipe=cluster)
    store.publish("2", packages=[*new, package("tar", "1", security="")], kernel_version="6.12.2", recipe=grown)
    words = " ".join(Tags(store.text("pages/small/2.html")).text.split())
    for said in (
        "Since 1 of 2027-01-15",
        "3 packages differ",
        "1 security update",
        "6.12.2 kernel, was 6.12.1",
        "2 nodes, were 1",
        "+ come added 2",
        "\u2212 gone removed 1",
        "↑ ssl 3.0-1+deb13u1 → 3.0-1+deb13u2 security",
        "1 package is the same",
    ):
        assert said in words
    assert "The store holds no release of small from before this one" in Tags(store.text("pages/small/1.html")).text


def test_old_releases_are_behind_a_fold(store: PublishedStore) -> None:
    """The first page shows ten releases of a recipe at once, and all others behind a fold."""
    for number in range(13):
        store.publish(f"1.{number}")
    page = store.text("index.html")
    shown, fold, folded = page.partition("<details>")
    assert (shown.count('class="version"'), folded.count('class="version"')) == (10, 3)
    assert "3 older releases" in fold + folded


def test_files_of_one_blob_have_a_link(store: PublishedStore) -> None:
    """A browser can download a file that is one blob, under its own name."""
    store.publish("1", files={"vmlinuz": [b"kernel"], "root.tar.zst": [b"a", b"b"]})
    tags = Tags(store.text("pages/small/1.html"))
    downloads = {
        attributes["download"]: attributes["href"] for _, attributes in tags.elements if "download" in attributes
    }
    assert downloads == {"vmlinuz": f"../../blobs/sha256/{hashlib.sha256(b'kernel').hexdigest()}"}
    assert PurePosixPath(str(downloads["vmlinuz"])).name in tags.text


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (60_400, "60 kB"),
        (1_234_567, "1.2 MB"),
        (2.11e8, "211 MB"),
    ],
)
def test_sizes(size: int, words: str) -> None:
    """Sizes have two or three digits."""
    assert size_in_words(size) == words
