"""The part of the element debian-root that asks apt: what it lets apt choose from, and what it makes of the answers."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable
from pathlib import Path

import kept
import pytest
import resolver

from builder.debian import index

COMMANDS = """\
W: a warning of apt's that names dpkg
/usr/bin/dpkg --admindir /tree/var/lib/dpkg/ --status-fd 12 --no-triggers --unpack --auto-deconfigure \
/room/archives/libc6_2.41-12+deb13u4_amd64.deb /room/archives/util-linux_1%3a2.41_amd64.deb \n\
/usr/bin/dpkg --admindir /tree/var/lib/dpkg/ --status-fd 12 --no-triggers --configure libc6:amd64 adduser:all \n\
/usr/bin/dpkg --admindir /tree/var/lib/dpkg/ --status-fd 12 --force-depends --remove exim4-base:amd64 \n\
/usr/bin/dpkg --admindir /tree/var/lib/dpkg/ --status-fd 12 --configure --pending \n\
"""
LIBC6, UTIL_LINUX = (hashlib.sha256(content).hexdigest() for content in (b"libc6", b"util-linux"))
URIS = f"""\
'http://mirror.example/pool/libc6_2.41-12%2bdeb13u4_amd64.deb' libc6_2.41-12+deb13u4_amd64.deb 2847 SHA256:{LIBC6}
'http://mirror.example/pool/util-linux_2.41_amd64.deb' util-linux_1%3a2.41_amd64.deb 1200 SHA256:{UTIL_LINUX}
"""

PACKAGES = f"""\
Package: libc6
Version: 2.41-12+deb13u4
Architecture: amd64
Depends: libgcc-s1
Size: 2847
SHA256: {LIBC6}

Package: util-linux
Version: 1:2.41
Architecture: amd64
Depends: libblkid1 | libblkid0
Size: 1200
SHA256: {UTIL_LINUX}

Package: libgcc-s1
Version: 14
Architecture: amd64
Depends: libc6
Size: 1

Package: libblkid-other
Version: 1
Architecture: all
Provides: libblkid0
Size: 1

Package: base-files
Version: 13
Architecture: amd64
Essential: yes
Depends: awk
Size: 1

Package: mawk
Version: 1
Architecture: amd64
Provides: awk
Size: 1

Package: nobody-needs-it
Version: 1
Architecture: all
Size: 1
"""


class Answers:
    """apt-get, which answers as recorded: it knows what it would call once the files of `needed` are at hand."""

    def __init__(self, room: Path, needed: tuple[str, ...], commands: str) -> None:
        self.room, self.needed, self.commands = room, needed, commands
        self.asked: list[str] = []
        self.downloads = "util-linux"

    def __call__(self, *arguments: str) -> str:
        """Answer, or fail as apt-get does."""
        self.asked.append(next(word for word in arguments if word in ("--print-uris", "download", "--no-download")))
        if self.asked[-1] == "--print-uris":
            return URIS
        if self.asked[-1] == "download":
            assert arguments[1:] == ("util-linux:amd64=1:2.41",)
            (self.room / "util-linux_1%3a2.41_amd64.deb").write_text(self.downloads)
        elif not all((self.room / "archives" / file).exists() for file in self.needed):
            raise subprocess.CalledProcessError(100, ["apt-get", *arguments])
        return self.commands


Offer = Callable[..., Answers]


@pytest.fixture
def offer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Offer:
    """What has apt answer as recorded, as one that needs the packages named; it gives the answers."""
    monkeypatch.setenv("NFSROOT_ARCHITECTURE", "amd64")
    lists = tmp_path / "lists"
    lists.mkdir()
    (lists / "mirror_Packages").write_text(PACKAGES)
    (lists / "mirror_InRelease").write_text("Origin: Debian\n")
    index.make(lists, tmp_path / "index.sqlite")
    for name, place in {"LISTS": "lists", "INDEX": "index.sqlite"}.items():
        monkeypatch.setattr(resolver, name, tmp_path / place)
    for name, place in {"DOWNLOADED": "downloaded", "NEW": "new"}.items():
        monkeypatch.setattr(kept, name, tmp_path / place)
    (tmp_path / "downloaded").mkdir()
    (tmp_path / "room").mkdir()
    monkeypatch.setattr(kept, "uncompress", lambda deb, target: target.write_bytes(deb.read_bytes()))

    def make(*needed: str, removes: bool = False) -> Answers:
        commands = COMMANDS if removes else COMMANDS.replace("--remove", "--configure")
        answers = Answers(tmp_path / "room", needed, commands)
        monkeypatch.setattr(resolver.Apt, "_run", lambda _apt, *arguments: answers(*arguments))
        return answers

    return make


def test_actions() -> None:
    """What apt would call is read call by call: what is unpacked by its file, everything else by its name."""
    assert list(resolver.actions(COMMANDS)) == [
        ("--unpack", "libc6", "libc6_2.41-12+deb13u4_amd64.deb"),
        ("--unpack", "util-linux", "util-linux_1%3a2.41_amd64.deb"),
        ("--configure", "libc6", None),
        ("--configure", "adduser", None),
        ("--remove", "exim4-base", None),
    ]


def test_decision_with_packages_at_hand(offer: Offer, tmp_path: Path) -> None:
    """apt is asked once, and sees files as large as the archive says of those that were downloaded before."""
    answers = offer("libc6_2.41-12+deb13u4_amd64.deb")
    keep(tmp_path, LIBC6, UTIL_LINUX, "ab" * 32)
    decision = resolver.decide(tree_with_packages(tmp_path), ["libc6", "util-linux"], tmp_path / "room")
    assert decision.debs["libc6"].name == "libc6_2.41-12+deb13u4_amd64.deb"
    assert decision.debs["libc6"].resolve() == tmp_path / f"downloaded/{LIBC6}.deb"
    assert answers.asked == ["--no-download"]
    sizes = {path.name: path.stat().st_size for path in (tmp_path / "room/archives").glob("*.deb")}
    assert sizes == {"libc6_2.41-12+deb13u4_amd64.deb": 2847, "util-linux_1%3a2.41_amd64.deb": 1200}


def test_decision_downloads_what_is_missing(offer: Offer, tmp_path: Path) -> None:
    """When packages are missing, just these are downloaded, and apt is asked once more."""
    answers = offer("libc6_2.41-12+deb13u4_amd64.deb", "util-linux_1%3a2.41_amd64.deb")
    keep(tmp_path, LIBC6)
    decision = resolver.decide(tree_with_packages(tmp_path), ["util-linux", "libc6"], tmp_path / "room")
    assert decision.debs["util-linux"].resolve() == tmp_path / f"new/{UTIL_LINUX}.deb"
    assert (tmp_path / f"new/{UTIL_LINUX}.sha256").read_text() == UTIL_LINUX
    assert answers.asked == ["--no-download", "--print-uris", "download", "--no-download"]


def test_package_of_another_mirror_is_not_at_hand(offer: Offer, tmp_path: Path) -> None:
    """What another mirror has under a package's name and version is no reason not to download the package."""
    answers = offer("util-linux_1%3a2.41_amd64.deb", "libc6_2.41-12+deb13u4_amd64.deb")
    keep(tmp_path, LIBC6, "cd" * 32)
    assert resolver.decide(tree_with_packages(tmp_path), ["util-linux", "libc6"], tmp_path / "room")
    assert answers.asked == ["--no-download", "--print-uris", "download", "--no-download"]


def test_damaged_package_is_downloaded_again(offer: Offer, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A package that is not what it was when it was kept is downloaded again, alone, and that is said."""
    answers = offer("util-linux_1%3a2.41_amd64.deb")
    keep(tmp_path, LIBC6, UTIL_LINUX)
    (tmp_path / f"downloaded/{UTIL_LINUX}.deb").write_text("Util-linux")
    decision = resolver.decide(tree_with_packages(tmp_path), ["util-linux", "libc6"], tmp_path / "room")
    assert decision.debs["util-linux"].read_text() == "util-linux"
    assert answers.asked == ["--no-download", "download"]
    said = "util-linux_1%3a2.41_amd64.deb was damaged where it is kept: it is downloaded again\n"
    assert capfd.readouterr().err == said


def test_download_of_another_package(offer: Offer, tmp_path: Path) -> None:
    """What is downloaded and is not what the lists describe is not kept."""
    answers = offer("util-linux_1%3a2.41_amd64.deb")
    answers.downloads = "another package"
    keep(tmp_path, LIBC6)
    with pytest.raises(OSError, match="not the package that the archive's lists describe"):
        resolver.decide(tree_with_packages(tmp_path), ["util-linux", "libc6"], tmp_path / "room")
    assert not (tmp_path / "new").exists()


def test_no_decision_that_removes(offer: Offer, tmp_path: Path) -> None:
    """What would take the place of a package of the tree is not decided."""
    offer(removes=True)
    assert resolver.decide(tree_with_packages(tmp_path), ["nullmailer"], tmp_path / "room") is None


def keep(tmp_path: Path, *digests: str) -> None:
    """Keep something for packages of these digests in the archive."""
    for digest in digests:
        deb = tmp_path / f"downloaded/{digest}.deb"
        deb.write_text(f"kept for {digest}")
        kept.digest_file(deb).write_text(kept.digest(deb))


def tree_with_packages(tmp_path: Path) -> Path:
    """A tree whose dpkg knows of a package."""
    status = tmp_path / "tree/var/lib/dpkg/status"
    status.parent.mkdir(parents=True)
    status.write_text("Package: base-files\n")
    return tmp_path / "tree"


def test_files(offer: Offer, tmp_path: Path) -> None:
    """What apt would fetch, by the names that it gives the files, with their sizes."""
    offer()
    apt = resolver.Apt(tmp_path / "tree", tmp_path / "room", [])
    assert apt.files(["?essential"]) == {"libc6_2.41-12+deb13u4_amd64.deb": 2847, "util-linux_1%3a2.41_amd64.deb": 1200}


def test_what_apt_may_choose_from(offer: Offer) -> None:
    """That is what the packages may need, by any alternative and any provider, and what is required; nothing else."""
    offer()
    relevant = resolver.relevant(resolver.INDEX, ["util-linux", "?essential"])
    assert {stanza.file.partition("_")[0] for stanza in relevant} == {
        "util-linux",
        "libblkid-other",
        "base-files",
        "mawk",
    }


def test_lists_for_apt(offer: Offer, tmp_path: Path) -> None:
    """The lists that apt gets say of these packages what the whole ones say, in their order, under the same names."""
    offer()
    resolver.write_lists(resolver.relevant(resolver.INDEX, ["libc6"]), tmp_path / "for-apt")
    assert {path.name for path in (tmp_path / "for-apt").iterdir()} == {
        "partial",
        "mirror_InRelease",
        "mirror_Packages",
    }
    roll, *stanzas = (tmp_path / "for-apt/mirror_Packages").read_text().strip().split("\n\n")
    whole = PACKAGES.strip().split("\n\n")
    assert stanzas == [whole[place] for place in (0, 2, 4, 5)]
    assert "\nSuggests: libc6, libgcc-s1, base-files, mawk\n" in roll


def test_decision_names_what_comes_first(offer: Offer, tmp_path: Path) -> None:
    """In a tree without packages the essential ones, and what these need, come before the others."""
    offer()
    keep(tmp_path, LIBC6, UTIL_LINUX)
    decision = resolver.decide(tmp_path / "empty", ["util-linux", "libc6"], tmp_path / "room")
    assert decision.essential == {"libc6", "util-linux"}
    assert [deb.name for deb in decision.first] == ["libc6_2.41-12+deb13u4_amd64.deb", "util-linux_1%3a2.41_amd64.deb"]


def test_a_package_without_compression_is_the_same_package(tmp_path: Path) -> None:
    """dpkg-deb reads the same control file and the same files, of an odd size too, from what is larger by then."""
    tree = tmp_path / "example"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(
        "Package: example\nVersion: 1\nArchitecture: all\nMaintainer: me <me@site.example>\nDescription: x\n"
    )
    (tree / "file").write_bytes(b"odd" * 9999)
    packed, plain = tmp_path / "packed.deb", tmp_path / "plain.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Zxz", "--build", tree, packed], check=True, capture_output=True)
    kept.uncompress(packed, plain)
    for question in ("--field", "--ctrl-tarfile", "--fsys-tarfile"):
        assert answer(question, plain) == answer(question, packed)
    assert plain.stat().st_size > 29997 > packed.stat().st_size


def answer(question: str, deb: Path) -> bytes:
    """What dpkg-deb says of a package."""
    return subprocess.run(["dpkg-deb", question, deb], check=True, stdout=subprocess.PIPE).stdout


def test_marks_of_apt(tmp_path: Path) -> None:
    """What nobody asked for is marked; what is asked for later loses its mark."""
    udev, kmod = (resolver.Action("--unpack", name, f"{name}_1_amd64.deb") for name in ("udev", "libkmod2"))
    resolver.mark(tmp_path, [udev, kmod], ["systemd"])
    resolver.mark(tmp_path, [], ["udev"])
    states = (tmp_path / "var/lib/apt/extended_states").read_text()
    assert states == "Package: libkmod2\nArchitecture: amd64\nAuto-Installed: 1\n\n"
