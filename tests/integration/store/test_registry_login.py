"""How a publisher and a reader introduce themselves to a real registry."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from registry_server import PROGRAM, RegistryServer, require
from token_server import IDENTITY, PASSWORD, SERVICE, USER, TokenServer

from builder.store import leases
from builder.store.errors import PermissionRefusedError, StoreError, StoreFullError, UnsupportedError
from builder.store.storage.access import ANONYMOUS, Access
from builder.store.storage.interface import Text
from builder.store.storage.oci import OciStorage, open_repository
from builder.store.storage.registry.credentials import IDENTITY as IDENTITY_USER

pytestmark = pytest.mark.server
PATH = "metadata/timestamp.json"
ANN = Access(USER, PASSWORD)


@pytest.fixture(autouse=True)
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The account of a user who has logged in nowhere."""
    require(PROGRAM, "htpasswd", "podman")
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "auth.json"))


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[RegistryServer]:
    """A registry that takes a password."""
    users = tmp_path / "users"
    users.write_bytes(subprocess.run(["htpasswd", "-Bbn", USER, PASSWORD], stdout=subprocess.PIPE, check=True).stdout)
    server = RegistryServer(tmp_path / "registry", auth={"htpasswd": {"realm": "site", "path": str(users)}})
    with server.running():
        yield server


@pytest.fixture
def tokens(tmp_path: Path) -> Iterator[TokenServer]:
    """A server that gives tokens."""
    with TokenServer(tmp_path).running() as running:
        yield running


@pytest.fixture
def trusting(tokens: TokenServer, tmp_path: Path) -> Iterator[RegistryServer]:
    """A registry that takes the tokens of that server."""
    with RegistryServer(tmp_path / "registry", auth=tokens.settings).running() as running:
        yield running


def log_in(host: str, file: Path, password: str = PASSWORD) -> None:
    """Log in with podman, which writes the password into a file."""
    command = ["podman", "login", "--tls-verify=false", f"--authfile={file}", f"--username={USER}", "--password-stdin"]
    subprocess.run([*command, host], input=password.encode(), check=True, capture_output=True)


def open_store(server: RegistryServer, access: Access = ANONYMOUS) -> OciStorage:
    """The store, as another process would open it."""
    return OciStorage(server.host, "site/nfsroot", access)


@pytest.mark.parametrize("kind", ["guarded", "trusting"])
def test_users_with_a_password(kind: str, request: pytest.FixtureRequest) -> None:
    """A user with a password may write, read and remove, at a registry that compares it or sends to another server."""
    server = request.getfixturevalue(kind)
    storage = open_store(server, ANN)
    storage.put(PATH, Text(b"{}"))
    assert open_store(server, ANN).read(PATH, 10) == b"{}"
    assert [found.path for found in open_store(server, ANN).list("")] == [PATH]
    open_store(server, ANN).delete(PATH)
    assert storage.size(PATH) is None


@pytest.mark.parametrize("kind", ["guarded", "trusting"])
def test_podman_has_logged_in(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """What `podman login` wrote is enough."""
    server = request.getfixturevalue(kind)
    log_in(server.host, tmp_path / "auth.json")
    open_store(server).put(PATH, Text(b"{}"))
    assert open_store(server).read(PATH, 10) == b"{}"


@pytest.mark.parametrize("kind", ["guarded", "trusting"])
def test_wrong_passwords(kind: str, request: pytest.FixtureRequest) -> None:
    """A wrong password is refused, with the user's name and without the password."""
    storage = open_store(request.getfixturevalue(kind), Access(USER, "wrong-secret"))
    for ask in (lambda: storage.read(PATH, 10), lambda: storage.put(PATH, Text(b"{}")), lambda: storage.size(PATH)):
        with pytest.raises(PermissionRefusedError, match=f"{USER}") as caught:
            ask()
        assert "podman login 127.0.0.1" in str(caught.value)
        assert "wrong-secret" not in str(caught.value)


def test_nobody_is_known(guarded: RegistryServer) -> None:
    """Without credentials a registry that wants some refuses, and the user learns how to log in."""
    with pytest.raises(PermissionRefusedError, match="someone without credentials") as caught:
        open_store(guarded).size(PATH)
    assert f"podman login {guarded.host}" in str(caught.value)


def test_anybody_may_read(trusting: RegistryServer, tokens: TokenServer) -> None:
    """A public registry gives tokens to readers without credentials, and refuses to let them write."""
    open_store(trusting, ANN).put(PATH, Text(b"{}"))
    asked = len(tokens.asked)
    reader = open_store(trusting)
    assert [reader.read(PATH, 10) for _ in range(3)] == [b"{}"] * 3
    assert tokens.asked[asked:] == [
        ("", {"kind": ["test"], "service": [SERVICE], "scope": ["repository:site/nfsroot:pull"]})
    ]
    with pytest.raises(PermissionRefusedError, match="someone without credentials"):
        reader.put(PATH, Text(b"[]"))
    with pytest.raises(PermissionRefusedError):
        reader.delete(PATH)
    assert reader.read(PATH, 10) == b"{}"


def test_identity_tokens(trusting: RegistryServer, tokens: TokenServer) -> None:
    """An identity token buys tokens, by a form that holds it."""
    open_store(trusting, Access(IDENTITY_USER, IDENTITY)).put(PATH, Text(b"{}"))
    assert all(header == "" and form["grant_type"] == ["refresh_token"] for header, form in tokens.asked)
    with pytest.raises(PermissionRefusedError, match="the owner of a token"):
        open_store(trusting, Access(IDENTITY_USER, "another")).read(PATH, 10)


@pytest.mark.parametrize("expired", [1, 2, 100])
def test_tokens_that_expire(trusting: RegistryServer, tokens: TokenServer, expired: int) -> None:
    """A token that has expired is replaced once; a registry that refuses all of them is not asked for ever."""
    storage = open_store(trusting, ANN)
    storage.put(PATH, Text(b"{}"))
    reader = open_store(trusting)
    tokens.expired = expired
    if expired == 1:
        assert reader.read(PATH, 10) == b"{}"
    else:
        with pytest.raises(PermissionRefusedError):
            reader.read(PATH, 10)
        assert len(tokens.asked) < 10


def test_threads_share_a_token(trusting: RegistryServer, tokens: TokenServer) -> None:
    """Threads that ask at once get one token together."""
    open_store(trusting, ANN).put(PATH, Text(b"{}"))
    asked = len(tokens.asked)
    reader, seen = open_store(trusting), []
    threads = [threading.Thread(target=lambda: seen.append(reader.read(PATH, 10))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [b"{}"] * 8
    assert len(tokens.asked) == asked + 1


def test_a_token_in_the_configuration(trusting: RegistryServer) -> None:
    """A token without a user goes to the registry as it is."""
    with pytest.raises(PermissionRefusedError, match="the owner of a token"):
        open_store(trusting, Access(secret="no token of that server")).size(PATH)


def test_encryption_and_certificates(tmp_path: Path) -> None:
    """A registry with a certificate of the site is trusted by the file that names it, and by that only."""
    certificate, key = tmp_path / "site.pem", tmp_path / "site.key"
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    make += ["-days", "2", "-subj", "/CN=site", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*make, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    with RegistryServer(tmp_path / "registry", tls=(certificate, key)).running() as server:
        address = f"oci://{server.host}/site/nfsroot"
        storage = open_repository(address, Access(ca_file=certificate, plain_http=False))
        storage.put(PATH, Text(b"{}"))
        assert storage.read(PATH, 10) == b"{}"
        with pytest.raises(StoreError, match="certificate of 127") as caught:
            open_repository(address, Access(plain_http=False)).size(PATH)
        assert "ca_file" in str(caught.value)
        with pytest.raises(StoreError):
            open_repository(address).size(PATH)


def test_a_registry_that_cannot_delete(tmp_path: Path) -> None:
    """A registry without deletion says so for an object, leaves a blob to its own collection, and takes publishers."""
    with RegistryServer(tmp_path / "registry", deletes=False).running() as server:
        storage = open_store(server)
        storage.put(PATH, Text(b"{}"))
        with pytest.raises(UnsupportedError, match="405") as caught:
            storage.delete(PATH)
        assert "delete: enabled: true" in str(caught.value)
        assert storage.read(PATH, 10) == b"{}"
        storage.delete(f"blobs/sha256/{'0' * 64}")
        with leases.hold_lease(storage), leases.hold_lease(storage):  # two publishers
            storage.put(PATH, Text(b"[]"))
        assert storage.read(PATH, 10) == b"[]"


def test_a_full_disk(tmp_path: Path) -> None:
    """A registry whose disk is full says so, and what it holds stays readable."""
    data = tmp_path / "registry/data"
    data.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", data], check=True)
    try:
        with RegistryServer(tmp_path / "registry").running() as server:
            storage = open_store(server)
            storage.put(PATH, Text(b"{}"))
            with pytest.raises(StoreFullError, match="no room left"):
                storage.put("metadata/1.targets.json", Text(bytes(3 << 20)))
            assert storage.read(PATH, 10) == b"{}"
            assert storage.size("metadata/1.targets.json") is None
    finally:
        subprocess.run(["umount", data], check=True)
