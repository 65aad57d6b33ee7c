"""Every check passes on a node that is as it should be, and fails on one that is not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from lab_subject import KEY, KEY_PRINT, Replies, good, mounted, subject

from builder.errors import NfsrootError
from builder.lab.checks import CHECKS, examine
from builder.lab.checks.identity import HOST_KEYS, MACHINE_ID, Identity, find_shared_marks, read_identity
from builder.lab.checks.model import Subject
from builder.lab.checks.mounts import MOUNTS
from builder.lab.checks.root import TOP_DIRECTORIES
from builder.lab.checks.sockets import SOCKETS
from builder.lab.checks.system import FIRMWARE
from builder.lab.machine.agent import Answer
from builder.lab.vocabulary.hardware import Firmware
from builder.recipe.choices import DhcpServer, ImageFormat, RootKind, RootTransport, Transport
from builder.recipe.models import Login, Logs, Recipe

METHODS = "debug1: Authentications that can continue: publickey"
ACCEPTS = {"server: ssh -v": f"{METHODS}\ndebug1: Server accepts key: identity ED25519 {KEY_PRINT} explicit"}
NFS = "192.168.0.1:/NFSROOT"
OTHER_KEY = KEY.replace("IG", "IH")


def failed(node: Subject) -> dict[str, str]:
    """The checks that the node does not pass, with their reasons."""
    return {check.name: finding.reason for check, finding in examine(node) if finding.problems}


def with_root(recipe: Recipe, **values: object) -> Recipe:
    """The recipe with these values of its root."""
    return recipe.model_copy(update={"root": recipe.root.model_copy(update=values)})


def made(node: Subject) -> set[str]:
    """The checks that were made."""
    return {check.name for check, _ in examine(node)}


@pytest.mark.parametrize("recipe_name", ["debian", "kerrighed"])
@pytest.mark.parametrize("firmware", Firmware)
def test_a_right_node_passes(recipe_name: str, firmware: Firmware, request: pytest.FixtureRequest) -> None:
    """A node of either recipe, whatever it was started with, passes every check that applies."""
    node = subject(request.getfixturevalue(recipe_name), {}, firmware=firmware)
    assert failed(node) == {}
    assert ("lockdown" in made(node)) is (firmware in {Firmware.SECURE_BOOT, Firmware.SECURE_BOOT_HTTP})


def test_every_check_applies_somewhere(debian: Recipe, kerrighed: Recipe) -> None:
    """No check is there for nothing: some recipe, with some firmware, needs it."""
    keys = debian.model_copy(update={"login": Login(ssh_keys=(f"ssh-ed25519 {KEY} me",))})
    keys = keys.model_copy(update={"logs": Logs(server=debian.cluster.server.address)})
    nodes = [subject(keys, ACCEPTS, firmware=Firmware.SECURE_BOOT, ssh_key=Path("key")), subject(kerrighed, {})]
    assert set().union(*map(made, nodes)) == {check.name for check in CHECKS}


MISTAKES: list[tuple[str, Replies, str]] = [
    ("system", {"systemctl is-": "degraded", "systemctl list-": "tmp.mount loaded failed failed"}, "tmp.mount"),
    ("nfsbooted", {"nfsbooted": Answer(1, "ok: a\nfailed: machine-id is the node's own: no lease")}, "no lease"),
    ("nfsbooted", {"nfsbooted": Answer(127, "")}, "status 127"),
    ("nfsbooted", {"nfsbooted": ""}, "status 0"),
    ("firmware", {FIRMWARE: "uefi"}, "'uefi', not 'bios'"),
    ("kernel", {"uname": "6.1.0-amd64"}, "6.1.0-amd64"),
    ("kernel", {"test -s": Answer(1, "")}, "no modules"),
    ("clock", {"date": "0"}, "the node's clock is wrong by -"),
    ("clock", {"date": "date: not found"}, "inf"),
    ("host name", {"hostname": "localhost"}, "'localhost', not 'ssi1'"),
    ("machine-id", {MACHINE_ID: ""}, "no machine-id"),
    ("machine-id", {MACHINE_ID: "0" * 32}, "no machine-id"),
    ("machine-id", {MACHINE_ID: "uninitialized"}, "no machine-id"),
    ("ssh host keys", {HOST_KEYS: ""}, "no host keys"),
    ("ssh host keys", {HOST_KEYS: Answer(1, f"256 {KEY_PRINT} x\nno such file")}, "no such file"),
    ("ssh host keys", {"server: ssh-keyscan": "# 192.168.0.101:22"}, "no key on the network"),
    ("ssh host keys", {"server: ssh-keyscan": f"192.168.0.101 ssh-ed25519 {OTHER_KEY}"}, "no key of the node"),
    ("Kerrighed ids", {"cat /proc/cmdline": "root=/dev/nfs session_id=1"}, "node_id=1 session_id=1"),
    ("Kerrighed ids", {"cat /proc/cmdline": "session_id=1 node_id=2"}, "node_id=1 session_id=1"),
    ("root mount", {MOUNTS: "192.168.0.1:/NFSROOT/old / nfs rw,vers=3,hard,proto=tcp 0 0"}, "/NFSROOT/old"),
    ("root mount", {MOUNTS: "overlay / overlay rw,vers=3,hard,proto=tcp 0 0"}, "overlay, not as nfs"),
    ("root mount", {MOUNTS: f"{NFS}/kerrighed/1.0 / nfs ro,vers=3,hard,proto=tcp 0 0"}, "without rw"),
    ("root mount", {MOUNTS: f"{NFS}/kerrighed/1.0 / nfs rw,vers=4.2,soft,proto=udp 0 0"}, "without vers=3; "),
    ("root mount", {MOUNTS: ""}, "nothing is mounted at /"),
    ("access to the root", {TOP_DIRECTORIES: "taken /\nrefused /etc/\ntaken /usr/"}, "a file in /etc/ is refused"),
    ("access to the root", {TOP_DIRECTORIES: "taken /"}, "did not try"),
    ("access to the root", {TOP_DIRECTORIES: ""}, "did not try"),
    ("overlay", {"for file in": f"{'0' * 64} 644:0 /etc/fstab"}, "/etc/fstab has other content"),
    ("overlay", {"for file in": "cat: /etc/fstab: No such file"}, "/etc/fstab has other content"),
    ("address", {"ip -oneline": "2: eth0 inet 192.168.0.77/24 scope global"}, "192.168.0.77/24, not 192.168.0.101/24"),
    ("address", {"ip -oneline": ""}, "none, not"),
    ("names", {"for name in": "ssi1 192.168.0.101"}, "ssi2 is unknown"),
    ("names", {"for name in": "ssi2 192.168.0.9"}, "ssi2 is 192.168.0.9"),
    ("open ports", {SOCKETS: "tcp 0: 00000000:0050 00000000:0000 0A 0"}, "listens on 80/tcp"),
    ("passwords", {"server: ssh -v": "debug1: Authentications that can continue: publickey,password"}, "password"),
    ("passwords", {"server: ssh -v": Answer(255, "Connection refused")}, "does not name"),
]


@pytest.mark.parametrize(("name", "replies", "reason"), MISTAKES, ids=[f"{m[0]}-{m[2]}" for m in MISTAKES])
def test_a_mistake_is_caught(kerrighed: Recipe, name: str, replies: Replies, reason: str) -> None:
    """One wrong answer fails its own check, with the reason, and no other."""
    found = failed(subject(kerrighed, replies))
    assert list(found) == [name]
    assert reason in found[name]


def test_overlay_of_another_owner_or_mode(kerrighed: Recipe) -> None:
    """A file that everybody may write is not as released, whatever it holds."""
    answer = str(good(kerrighed, Firmware.BIOS)["for file in"]).replace("644:0", "666:0")
    assert failed(subject(kerrighed, {"for file in": answer})) == {"overlay": "/etc/fstab is not root's with mode 644"}


@pytest.mark.parametrize("file", ["vmlinuz", "initrd.img"])
def test_kernel_or_initramfs_of_another_release(kerrighed: Recipe, file: str) -> None:
    """A node that loaded another release's kernel or initramfs is caught although it runs."""
    assert "did not load /kerrighed/1.0/" + file in failed(subject(kerrighed, {}, unloaded=file))["kernel"]
    boot = kerrighed.boot.model_copy(update={"transport": Transport.HTTP})
    over_http = subject(kerrighed.model_copy(update={"boot": boot}), {}, unloaded=file)
    assert failed(over_http)["kernel"].endswith(" over HTTP")


@pytest.mark.parametrize(
    ("menus", "reason"), [((), "DHCP names no menu"), (("(nd)/grub/ssi2",), "names (nd)/grub/ssi2, not (nd)/grub/ssi1")]
)
def test_menu_that_dhcp_does_not_name(kerrighed: Recipe, menus: tuple[str, ...], reason: str) -> None:
    """A node that found its menu by its host name is caught although it runs: option 150 was not sent, or wrong."""
    assert reason in failed(subject(kerrighed, {}, menus=menus))["menu"]


def test_menu_with_dnsmasq(kerrighed: Recipe) -> None:
    """dnsmasq cannot name a menu in option 150, so nobody asks it to."""
    node = subject(kerrighed, {}, menus=())
    server = node.server.model_copy(update={"dhcp": DhcpServer.DNSMASQ})
    assert "menu" not in made(replace(node, server=server))


def test_declared_ports(kerrighed: Recipe) -> None:
    """A port that the recipe declares may be open, with that protocol alone."""
    recipe = kerrighed.model_copy(update={"ports": ("9100/tcp",)})
    tables = "{0} 0: 00000000:238C 00000000:0000 {1} 0"
    assert failed(subject(recipe, {SOCKETS: tables.format("tcp", "0A")})) == {}
    assert "9100/udp" in failed(subject(recipe, {SOCKETS: tables.format("udp", "07")}))["open ports"]


def test_a_read_only_root_that_takes_files(debian: Recipe) -> None:
    """A directory outside the recipe's writable ones that takes a file is caught."""
    answer = "refused /\ntaken /etc/\nrefused /usr/"
    assert failed(subject(debian, {TOP_DIRECTORIES: answer})) == {"access to the root": "a file in /etc/ is taken"}


def test_nfs_version_is_the_recipes(debian: Recipe) -> None:
    """A node of a recipe with NFSv4 passes with whatever minor version, and one that speaks NFSv3 does not."""
    recipe = with_root(debian, nfs_version=4)
    assert failed(subject(recipe, {})) == {}
    found = failed(subject(recipe, {MOUNTS: mounted(debian)}))
    assert set(found) == {"root mount", "shared directories"}
    assert "/ is mounted as nfs, not as nfs4; / is mounted without vers=4" in found["root mount"]
    assert "/var is mounted as nfs, not as nfs4" in found["shared directories"]


def test_shared_directory_that_is_not_mounted(debian: Recipe) -> None:
    """A shared directory that is part of the root's own mount is caught, even if it takes files."""
    root = mounted(debian).splitlines()[0]
    assert failed(subject(debian, {MOUNTS: root})) == {
        "shared directories": "nothing is mounted at /home; nothing is mounted at /root; nothing is mounted at /var"
    }


@pytest.mark.parametrize("root_format", ImageFormat)
@pytest.mark.parametrize("nfs_version", [3, 4])
def test_root_of_an_image(debian: Recipe, root_format: ImageFormat, nfs_version: int) -> None:
    """A node of an image has an overlay over it, from the server's export; a part that is missing is caught."""
    recipe = with_root(debian, kind=RootKind.IMAGE, format=root_format, nfs_version=nfs_version, writable=())
    assert failed(subject(recipe, {})) == {}
    for number, (line, target) in enumerate(zip(mounted(recipe).splitlines(), ("export", "image", "/"), strict=True)):
        others = [other for place, other in enumerate(mounted(recipe).splitlines()) if place != number]
        assert list(failed(subject(recipe, {MOUNTS: "\n".join(others)}))) == ["root mount"], line
        assert failed(subject(recipe, {MOUNTS: "\n".join(others)}))["root mount"].endswith(target)


def test_root_of_an_image_over_http(debian: Recipe) -> None:
    """An image that was fetched lies in memory that nobody can write to; an export in its place is a mistake."""
    over_nfs = with_root(debian, kind=RootKind.IMAGE, writable=())
    recipe = with_root(over_nfs, transport=RootTransport.HTTP)
    assert failed(subject(recipe, {})) == {}
    found = failed(subject(recipe, {MOUNTS: mounted(over_nfs)}))
    assert found == {"root mount": "/run/initramfs/nfsroot/export is mounted as nfs, not as tmpfs"}


def test_a_writable_directory_that_refuses_files(debian: Recipe) -> None:
    """Each directory of the recipe has to take a file."""
    assert failed(subject(debian, {"file=$(mktemp": Answer(1, "")})) == {
        "writable directories": "/tmp refuses writes; /var refuses writes; /root refuses writes; /home refuses writes"
    }


def test_secure_boot_that_is_not_enforced(debian: Recipe) -> None:
    """Firmware that does not enforce signatures fails, and so does a kernel that is not locked down."""
    answers = {FIRMWARE: "uefi", "cat /sys/kernel/security/lockdown": "[none] integrity"}
    found = failed(subject(debian, answers, firmware=Firmware.SECURE_BOOT))
    assert found["firmware"] == "'uefi', not 'secure-boot'"
    assert "not locked down" in found["lockdown"]


def test_a_key_that_is_refused(debian: Recipe) -> None:
    """Each of the recipe's keys must be accepted: sshd says so by its fingerprint."""
    keys = tuple(f"ssh-ed25519 {key} somebody" for key in (KEY, OTHER_KEY))
    recipe = debian.model_copy(update={"login": Login(ssh_keys=keys)})
    said = f"debug1: Authentications that can continue: publickey\nServer accepts key: x ED25519 {KEY_PRINT} explicit"
    found = failed(subject(recipe, {"server: ssh -v": Answer(255, said)}))
    assert list(found) == ["ssh keys"]
    assert KEY_PRINT not in found["ssh keys"]


@pytest.fixture
def keyed(debian: Recipe) -> Recipe:
    """A recipe with a key."""
    return debian.model_copy(update={"login": Login(ssh_keys=(f"ssh-ed25519 {KEY} me",))})


@pytest.mark.parametrize(
    ("replies", "check", "reason"),
    [
        ({"server: ssh -o": Answer(255, "Permission denied (publickey).")}, "ssh login", "recipe's: Permission denied"),
        ({"server: ssh -o": "boot-2"}, "ssh login", "boot-2"),
        ({"umask": Answer(1, "mount: no such file")}, "ssh login", "cannot be mounted .* no such file"),
        ({"network: ssh -o": Answer(255, "")}, "ssh login by own key", "that was given: ssh said nothing"),
    ],
)
def test_a_login_that_fails(keyed: Recipe, replies: Replies, check: str, reason: str) -> None:
    """Nobody has logged in but who gets an answer from the node, over ssh, that the node itself gives."""
    found = failed(subject(keyed, {**replies, **ACCEPTS}, ssh_key=Path("key")))
    assert list(found) == [check]
    assert re.search(reason, found[check])


def test_logins_say_what_they_prove(keyed: Recipe) -> None:
    """Without a private half of the recipe's keys nobody can tell more than that the lab's own key opens the node."""
    said = {check.name: finding.saw for check, finding in examine(subject(keyed, ACCEPTS))}
    assert said["ssh login"] == "logged in as root with a key of the lab's own in the place of the recipe's"
    assert "ssh login by own key" not in said


def test_stand_in_is_taken_away(keyed: Recipe) -> None:
    """The lab's key opens the node no longer than it takes to log in, even if that fails."""
    asked: list[str] = []
    right = subject(keyed, ACCEPTS)

    def ask(question: str) -> Answer:
        asked.append(question)
        return right.ask(question)

    def run_on_server(argv: Sequence[str]) -> Answer:
        if argv[:2] == ["ssh", "-o"]:
            raise NfsrootError("the server has gone")
        return right.run_on_server(argv)

    assert "ssh login" in failed(replace(right, ask=ask, run_on_server=run_on_server))
    assert asked[-1] == "umount /etc/ssh/authorized_keys/root"


def test_a_node_that_does_not_answer_passes_nothing(kerrighed: Recipe) -> None:
    """Silence is a failure of every check, with its reason; after the first question nothing more is asked."""
    asked: list[object] = []

    def silence(question: object) -> Answer:
        asked.append(question)
        raise NfsrootError("the node did not answer within 60 s")

    right = subject(kerrighed, {})
    node = replace(right, ask=silence, run_on_server=silence)
    found = failed(node)
    assert set(found) == made(right)
    assert set(found.values()) == {"the node did not answer within 60 s"}
    assert len(asked) == 1


def test_nodes_with_something_in_common() -> None:
    """Two nodes with one machine-id, or one host key, both fail; a third passes."""
    nodes = {
        "ssi1": Identity("a" * 32, frozenset({"SHA256:1"})),
        "ssi2": Identity("a" * 32, frozenset({"SHA256:2"})),
        "ssi3": Identity("b" * 32, frozenset({"SHA256:3", "SHA256:2"})),
        "ssi4": Identity("c" * 32, frozenset({"SHA256:4"})),
    }
    found = find_shared_marks(nodes)
    assert found["ssi1"].problems == (f"{'a' * 32} also belongs to ssi2",)
    assert found["ssi2"].problems == (f"{'a' * 32} also belongs to ssi1", "SHA256:2 also belongs to ssi3")
    assert found["ssi3"].problems == ("SHA256:2 also belongs to ssi2",)
    assert found["ssi4"].problems == ()


def test_identity_of_a_node(kerrighed: Recipe) -> None:
    """A node's identity is its machine-id and the fingerprints of its host keys."""
    assert read_identity(subject(kerrighed, {})) == Identity("0123456789abcdef0123456789abcdef", frozenset({KEY_PRINT}))
