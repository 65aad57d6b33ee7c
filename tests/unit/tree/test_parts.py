"""Parts of a packed tree: which files are in one, when it may be taken into another tree, and that nothing is lost."""

from __future__ import annotations

import hashlib
import os
import random
import re
import shutil
import stat
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from threading import Event
from types import ModuleType

import packing
import parts
import pytest

PROGRAM = Path(__file__).parents[3] / "elements/debian-root/pack-tree"
FILES = ("boot/vmlinuz", "etc/passwd", "usr/bin/one", "usr/bin/two", "usr/lib/old", "usr/lib/three", "usr/lib/made")
PACKAGES = {
    "kernel": ["/boot/vmlinuz"],
    "large": ["/usr/bin", "/bin/one", "/usr/bin/two", "/usr/lib/new", "/usr/lib/old", "/etc/passwd"],
    "small:amd64": ["/usr/lib/three", "/usr/bin/three", "/usr/lib/modules.dep"],
}
"""What each package brings; nobody brings usr/lib/made."""


@pytest.fixture(autouse=True)
def source_date(monkeypatch: pytest.MonkeyPatch) -> None:
    """What trees are packed by; and parts that hold two of the files here, in batches of two parts."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1763200000")
    monkeypatch.setattr(parts, "SIZE", 20)
    monkeypatch.setattr(parts, "BATCH", 30)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree of ten bytes in each file, one of them with two names, and a link."""
    tree = tmp_path / "tree"
    for name in FILES:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(f"{name:10}"[:10])
    (tree / "usr/bin/three").hardlink_to(tree / "usr/lib/three")
    (tree / "usr/lib/new").symlink_to("old")
    (tree / "usr/lib").chmod(0o2750)
    (tree / "bin").symlink_to("usr/bin")
    (tree / "var/lib/dpkg/info").mkdir(parents=True)
    for package, paths in PACKAGES.items():
        (tree / f"var/lib/dpkg/info/{package}.list").write_text("".join(f"{path}\n" for path in ("/.", *paths)))
    return tree


@pytest.fixture
def base(tmp_path: Path, tree: Path) -> Path:
    """The base that is made of the tree."""
    return make(tree, tmp_path / "base")


def make(tree: Path, base: Path, meanwhile: Callable[[], object] = lambda: None) -> Path:
    """Make a base of a tree, to which something happens meanwhile."""
    base.mkdir()
    go_on = Event()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(go_on.wait)  # parts are packed after what happens, at the latest moment that there is
        maker = parts.Maker(tree, base, pool)
        maker.begin()
        meanwhile()
        go_on.set()
        maker.end()
    return base


def listed(*archives: Path) -> list[str]:
    """The paths in archives that are joined."""
    joined = b"".join(archive.read_bytes() for archive in archives)
    plain = subprocess.run(["zstd", "--decompress", "--stdout"], input=joined, capture_output=True, check=True).stdout
    return subprocess.run(["tar", "--list"], input=plain, capture_output=True, check=True).stdout.decode().split()


def in_parts(base: Path) -> list[list[str]]:
    """The paths in each part of a base, as its archive has them; its list must say the same."""
    made = parts.parts(base)
    assert [listed(part.frame.file) for part in made] == [[path.decode() for path in part.group.paths] for part in made]
    assert [part.frame for part in made] == [packing.read_frame(part.frame.file) for part in made]
    return [listed(part.frame.file) for part in made]


def unpack(tmp_path: Path, *archives: Path) -> Path:
    """Where archives that are joined are unpacked, by a plain tar."""
    unpacked = tmp_path / "unpacked"
    unpacked.mkdir()
    joined = b"".join(archive.read_bytes() for archive in archives)
    plain = subprocess.run(["zstd", "--decompress", "--stdout"], input=joined, capture_output=True, check=True).stdout
    subprocess.run(["tar", "--xattrs", "--xattrs-include=*", "-xpf", "-", "-C", unpacked], input=plain, check=True)
    return unpacked


def test_files_that_stay_are_in_parts(base: Path) -> None:
    """Files of a package below /boot and /usr are in parts of some size, in order; all else is in the rest."""
    assert in_parts(base) == [
        ["boot/vmlinuz"],
        ["usr/bin/one", "usr/bin/two"],
        ["usr/lib/new", "usr/lib/old"],
        ["usr/bin/three", "usr/lib/three"],
    ]
    rest = listed(*sorted(base.glob("rest*.tar.zst")))
    assert [path for path in rest if path[-1] != "/" and "dpkg" not in path] == ["bin", "etc/passwd", "usr/lib/made"]


def test_a_file_with_names_elsewhere_is_in_no_part(tmp_path: Path, tree: Path) -> None:
    """A file of which a package brings some names, and something else another one, is in the rest under all of them."""
    (tree / "usr/lib/third").hardlink_to(tree / "usr/lib/three")
    base = make(tree, tmp_path / "base")
    assert ["usr/bin/three", "usr/lib/three"] not in in_parts(base)
    assert {"usr/bin/three", "usr/lib/third", "usr/lib/three"} <= set(listed(*base.glob("rest*.tar.zst")))


def test_change_meanwhile_is_seen(tmp_path: Path, tree: Path) -> None:
    """A file that changes while parts are made costs its part, and what comes meanwhile gets one; nothing is old."""

    def change() -> None:
        (tree / "usr/bin/one").write_text("changed!!!")
        (tree / "usr/lib/modules.dep").write_text("come later")

    base = make(tree, tmp_path / "base", change)
    assert sorted(in_parts(base)) == [
        ["boot/vmlinuz"],
        ["usr/bin/one", "usr/bin/two"],
        ["usr/bin/three", "usr/lib/three"],
        ["usr/lib/modules.dep"],
        ["usr/lib/new", "usr/lib/old"],
    ]
    other = tmp_path / "other"
    other.mkdir()
    parts.unpack(base, other)
    assert (other / "usr/bin/one").read_text() == "changed!!!"


def test_file_that_goes_meanwhile(tmp_path: Path, tree: Path) -> None:
    """A file that is removed before its batch is packed is in no part and no error; nothing of that batch is left."""
    base = make(tree, tmp_path / "base", (tree / "usr/bin/one").unlink)
    assert sorted(in_parts(base)) == [
        ["boot/vmlinuz"],
        ["usr/bin/three", "usr/lib/three"],
        ["usr/bin/two"],
        ["usr/lib/new", "usr/lib/old"],
    ]
    assert len([file for file in base.iterdir() if not file.name.startswith("rest")]) == 8


def test_part_that_cannot_be_packed(tmp_path: Path, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a part cannot be packed although nothing was done to its files, the base fails."""
    monkeypatch.setattr(packing, "LEVEL", "no-level")
    with pytest.raises(subprocess.CalledProcessError):
        make(tree, tmp_path / "base")


def test_a_base_unpacks_to_its_tree(tmp_path: Path, tree: Path, base: Path) -> None:
    """Modes, times, links of both kinds and contents are those of the tree; times after the source date are that."""
    other = tmp_path / "other"
    other.mkdir()
    parts.unpack(base, other)
    for path in sorted(tree.rglob("*")):
        twin = other / path.relative_to(tree)
        status, its = path.lstat(), twin.lstat()
        assert (its.st_mode, its.st_nlink, its.st_mtime) == (status.st_mode, status.st_nlink, 1763200000), twin
        assert not path.is_file() or twin.read_bytes() == path.read_bytes()
    assert (other / "usr/lib/new").readlink() == Path("old")
    assert len(list(other.rglob("*"))) == len(list(tree.rglob("*")))


def test_names_of_one_file_stay_together(tmp_path: Path, tree: Path) -> None:
    """Names of one file that lie far apart in the rest of a base are one file again, with other files between them."""
    for number in range(20):
        (tree / f"etc/file{number:02}").write_text("x" * 15)
    (tree / "var/zz").hardlink_to(tree / "etc/file00")
    (tree / "etc/zz").hardlink_to(tree / "etc/file07")
    base, other = make(tree, tmp_path / "base"), tmp_path / "other"
    other.mkdir()
    parts.unpack(base, other)
    assert len(list(base.glob("rest*.tar.zst"))) > 2
    assert (other / "var/zz").samefile(other / "etc/file00")
    assert (other / "etc/zz").samefile(other / "etc/file07")
    assert not (other / "etc/zz").samefile(other / "var/zz")


@pytest.mark.parametrize(
    "touch",
    [
        lambda tree: (tree / "usr/bin/one").write_text("other text"),
        lambda tree: (tree / "usr/bin/one").chmod(0o755),
        lambda tree: os.utime(tree / "usr/bin/one", (0, 0)),
        lambda tree: os.chown(tree / "usr/bin/one", -1, os.getgid()),
        lambda tree: (tree / "usr/bin/one").unlink(),
        lambda tree: (tree / "usr/bin/one").rename(tree / "usr/bin/uno"),
        lambda tree: (tree / "usr/bin/uno").hardlink_to(tree / "usr/bin/one"),
        lambda tree: shutil.copy2(tree / "usr/bin/two", tree / "usr/bin/one"),
        lambda tree: ((tree / "usr/bin").rename(tree / "old"), shutil.copytree(tree / "old", tree / "usr/bin")),
    ],
    ids=["content", "mode", "time", "owner", "removed", "renamed", "linked", "replaced", "directory"],
)
def test_whatever_is_done_to_a_file_is_noticed(tree: Path, base: Path, touch: Callable[[Path], object]) -> None:
    """A part stands as long as nothing is done to its files, and not after anything that may be done to one."""
    part = parts.parts(base)[1]
    before = parts.entries(parts.survey(tree))
    assert part.stands(before, parts.entries(parts.survey(tree)))
    touch(tree)
    assert not part.stands(before, parts.entries(parts.survey(tree)))


def test_file_systems_with_whole_seconds_are_known() -> None:
    """Where no time has a fraction, survey waits for the next second; one with a fraction among them says otherwise."""
    whole = b"f 7 1763200000.0000000000 1 10 a\0d 8 1763200001.0000000000 2 0 b\0"
    assert not parts.FRACTION.search(whole)
    assert parts.FRACTION.search(whole + b"f 9 1763200001.0000000100 1 10 c\0")


@pytest.fixture
def program(tmp_path: Path, base: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The program that packs a tree on this base, where it finds and leaves everything below this test's directory."""
    spec = spec_from_loader("pack_tree", SourceFileLoader("pack_tree", str(PROGRAM)))
    assert spec and spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "owned").write_text("etc/fstab\n")
    (tmp_path / "output").mkdir()
    for name, place in {"BASE": base, "OWNED": tmp_path / "owned", "OUTPUT": tmp_path / "output"}.items():
        monkeypatch.setattr(module, name, place)
    return module


def archives(program: ModuleType) -> list[Path]:
    """The archives that the program made, which are one in this order."""
    return [program.OUTPUT / "tree.tar.zst", program.OUTPUT / "directories.tar.zst"]


def names(program: ModuleType) -> list[str]:
    """What the program wrote down as the paths of the tree."""
    read: str = (program.OUTPUT / "paths").read_text()
    return read.split("\0")


def frames(program: ModuleType) -> list[bytes]:
    """The frames of the tree's archive, cut out of it by what the program said of them."""
    found, content = [], (program.OUTPUT / "tree.tar.zst").read_bytes()
    for line in (program.OUTPUT / "parts.tsv").read_text().splitlines():
        digest, size = line.split("\t")
        found.append(content[: int(size)])
        content = content[int(size) :]
        assert hashlib.sha256(found[-1]).hexdigest() == digest
    assert content == b""
    return found


def packed_paths(program: ModuleType) -> list[str]:
    """The paths in the archive that the program made."""
    return [name.rstrip("/") for name in listed(*archives(program))]


def test_directories_keep_their_times(tmp_path: Path, tree: Path, program: ModuleType) -> None:
    """Every directory has its time and mode when a plain tar has unpacked the archive, wherever its files are in it."""
    before = parts.entries(parts.survey(tree))
    (tree / "usr/bin-other/empty").mkdir(parents=True)
    (tree / "usr/bin/none").mkdir(mode=0o700)
    directories = [path for path in tree.rglob("*") if path.is_dir()]
    for age, path in enumerate(directories):
        os.utime(path, (0, 1_000_000_000 + age))
    program.main(tree, before)
    unpacked = unpack(tmp_path, *archives(program))
    for path in directories:
        status = (unpacked / path.relative_to(tree)).stat()
        assert (status.st_mtime, status.st_mode) == (path.stat().st_mtime, path.stat().st_mode), path


def test_a_tree_takes_what_stands(tmp_path: Path, tree: Path, program: ModuleType) -> None:
    """Parts that nobody touched are taken byte for byte; every path is in the archive once, and in the list."""
    before = parts.entries(parts.survey(tree))
    (tree / "usr/bin/two").write_text("other text")
    (tree / "etc/fstab").write_text("the overlay's")
    (tree / "usr/new").write_text("added")
    program.main(tree, before)
    of_base = [part.frame.file.read_bytes() for part in parts.parts(program.BASE)]
    kept = [frame in frames(program) for frame in of_base]
    assert kept == [True, False, True, True]
    paths = {str(path.relative_to(tree)) for path in tree.rglob("*")} - {"etc/fstab"}
    assert sorted(packed_paths(program)) == sorted(paths)
    assert names(program) == sorted(paths)


def test_a_part_of_which_the_overlay_owns_a_path_is_not_taken(tree: Path, program: ModuleType) -> None:
    """What the overlay owns is left out of the tree, also where it is in a part."""
    program.OWNED.write_text("usr/bin/one\n")
    program.main(tree, parts.entries(parts.survey(tree)))
    assert "usr/bin/one" not in packed_paths(program)
    assert "boot/vmlinuz" in packed_paths(program)


def test_a_tree_that_does_not_stand_on_its_base(tree: Path, program: ModuleType) -> None:
    """Where nobody looked at the base in this tree, since it was made in one go, no part of the base is taken."""
    program.main(tree, {})
    assert sorted(packed_paths(program)) == names(program)


def test_a_tree_without_a_base(
    tmp_path: Path, tree: Path, program: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is no base all of the tree is packed, in order."""
    monkeypatch.setattr(program, "BASE", tmp_path / "none")
    program.main(tree, {})
    assert sorted(packed_paths(program)) == names(program)


KINDS = ("plain", "old", "sparse", "named", "link", "directory", "socket", "pipe", "label")


@pytest.mark.parametrize("seed", range(10))
def test_odd_files(tmp_path: Path, tree: Path, program: ModuleType, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Files with odd names, times, holes and labels are packed, and a plain tar unpacks all but sockets and labels."""
    monkeypatch.setattr(program, "HOLES", 1 << 20)
    numbers = random.Random(seed)
    made = {odd_name(numbers): numbers.choice(KINDS) for _ in range(12)}
    for name, kind in made.items():
        make_odd(os.path.join(os.fsencode(tree), b"usr/bin", name), kind)  # noqa: PTH118  (bytes)
    program.main(tree, {})
    unpacked = unpack(tmp_path, *archives(program))
    paths = (program.OUTPUT / "paths").read_bytes().split(b"\0")
    compare_with_list(unpacked, program.OUTPUT / "tree.tsv.zst")
    said = (program.OUTPUT / "cautions").read_text() if (program.OUTPUT / "cautions").exists() else ""
    assert len(said.splitlines()) == list(made.values()).count("sparse")
    for name, kind in made.items():
        found = os.path.join(os.fsencode(unpacked), b"usr/bin", name)  # noqa: PTH118  (bytes)
        assert os.path.lexists(found) == (b"usr/bin/" + name in paths) == (kind != "socket")
        if kind == "socket":
            continue
        assert os.lstat(found).st_mtime >= 0
        assert "security.selinux" not in os.listxattr(found, follow_symlinks=False)


def read_list(file: Path) -> dict[bytes, dict[str, bytes]]:
    """What the list of a tree says, by path: its columns, of which two are names that are quoted."""
    plain = subprocess.run(["zstd", "--decompress", "--stdout", file], capture_output=True, check=True).stdout
    columns, *rows = (line.split(b"\t") for line in plain.split(b"\n")[:-1])
    assert [row[0] for row in rows].count(b"") == 0
    told = [dict(zip([column.decode() for column in columns], row, strict=True)) for row in rows]
    return {unquote(row["path"]): {**row, "target": unquote(row["target"])} for row in told}


def unquote(field: bytes) -> bytes:
    """The name in a field of the list."""
    return re.sub(rb"\\(x(..)|\\)", lambda found: bytes.fromhex(found[2].decode()) if found[2] else b"\\", field)


def compare_with_list(unpacked: Path, file: Path) -> None:
    """Check that a tree is what its list says, path by path, and that nothing else is in it."""
    told = read_list(file)
    found = parts.entries(parts.survey(unpacked))
    assert list(told) == sorted(found)
    for path, entry in found.items():
        row = told[path]
        kind, mode = entry.kind, entry.mode.zfill(4)
        assert (row["type"], row["mode"], row["owner"], row["group"]) == (kind, mode, entry.owner, entry.group), path
        assert row["target"] == entry.target
        if kind == b"f":
            with open(os.path.join(os.fsencode(unpacked), path), "rb") as content:  # noqa: PTH118, PTH123  (bytes)
                assert row["sha256"].decode() == hashlib.file_digest(content, "sha256").hexdigest()
            assert row["size"] == b"%d" % entry.size
        else:
            assert (row["size"], row["sha256"]) == (b"", b"")


def test_the_list_of_a_tree(tmp_path: Path, tree: Path, program: ModuleType) -> None:
    """The list says of each path what it is and which package brought it, also of what a base's parts bring."""
    before = parts.entries(parts.survey(tree))
    (tree / "usr/new").write_text("added")
    program.main(tree, before)
    compare_with_list(unpack(tmp_path, *archives(program)), program.OUTPUT / "tree.tsv.zst")
    packages = {path: row["package"] for path, row in read_list(program.OUTPUT / "tree.tsv.zst").items()}
    assert packages[b"usr/bin/one"] == packages[b"etc/passwd"] == b"large"
    assert packages[b"usr/lib/three"] == packages[b"usr/bin/three"] == b"small:amd64"
    assert packages[b"usr/bin"] == packages[b"usr/new"] == b""


def test_content_stands_apart(tree: Path, program: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large file of no package has a frame for its content, which is the same when the file has another time."""
    monkeypatch.setattr(program, "APART", 8)
    seen = []
    for date in ("1763200000", "1763300000"):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", date)
        monkeypatch.setattr(program, "OUTPUT", program.OUTPUT / date)
        program.OUTPUT.mkdir()
        program.main(tree, {})
        seen.append(frames(program))
    shared = [decompress(frame) for frame in set(seen[0]) & set(seen[1])]
    assert b"usr/lib/ma" + bytes(502) in shared
    assert seen[0] != seen[1]


def decompress(frame: bytes) -> bytes:
    """What a frame holds."""
    return subprocess.run(["zstd", "--decompress", "--stdout"], input=frame, capture_output=True, check=True).stdout


def odd_name(numbers: random.Random) -> bytes:
    """A file's name of whatever bytes, at most 255 of them, short ones as often as long ones."""
    length = numbers.choice([3, 20, 99, 101, 255])
    letters = numbers.choice([range(1, 256), range(65, 91), b"\n\t \"'\\*-#"])
    return b"-" + bytes(numbers.choice([byte for byte in letters if byte != 47]) for _ in range(length - 1))


def make_odd(path: bytes, kind: str) -> None:
    """Make a file of one of the kinds."""
    match kind:
        case "directory":
            os.mkdir(path)  # noqa: PTH102  (bytes)
        case "link":
            os.symlink(b"x" * 3000, path)  # noqa: PTH211  (bytes)
        case "pipe":
            os.mkfifo(path)
        case "socket":
            os.mknod(path, 0o600 | stat.S_IFSOCK)
        case _:
            with open(path, "wb") as file:  # noqa: PTH123  (bytes)
                file.truncate(4 << 20 if kind == "sparse" else 10)
    if kind == "old":
        os.utime(path, (0, -300_000_000))
    if kind == "label" and os.geteuid() == 0:
        os.setxattr(path, "security.selinux", b"system_u:object_r:tmp_t:s0\0")


def test_symbolic_links_of_before_1970(tmp_path: Path, tree: Path, program: ModuleType) -> None:
    """A link of before 1970 gets a time of its own, and what it leads to keeps the one that it has."""
    (tree / "usr/link").symlink_to("bin/one")
    os.utime(tree / "usr/link", (0, -5), follow_symlinks=False)
    before = (tree / "usr/bin/one").stat().st_mtime
    program.main(tree, {})
    assert (tree / "usr/link").lstat().st_mtime == 0
    assert (tree / "usr/bin/one").stat().st_mtime == before
