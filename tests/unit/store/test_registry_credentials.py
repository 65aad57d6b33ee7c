"""Credentials for registries, from the files and helpers of podman and docker."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from builder.errors import InputError
from builder.store.storage.access import ANONYMOUS, Access
from builder.store.storage.registry.credentials import IDENTITY, find_credentials

HOST = "registry.example:5000"
Write = Callable[[str, object], Path]


def auth(user: str, secret: str) -> dict[str, str]:
    """An entry of a file."""
    return {"auth": base64.b64encode(f"{user}:{secret}".encode()).decode()}


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes a file of an account that has none yet."""
    for variable in ("REGISTRY_AUTH_FILE", "XDG_CONFIG_HOME", "DOCKER_CONFIG"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    def write(path: str, document: object) -> Path:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(document if isinstance(document, str) else json.dumps(document))
        return file

    return write


@pytest.fixture
def helper(write: Write) -> Callable[[str], None]:
    """Writes a credential helper `docker-credential-test`, which runs these lines of a shell."""

    def written(lines: str) -> None:
        write("docker-credential-test", f"#!/bin/sh\n{lines}\n").chmod(0o755)

    return written


def test_nothing_is_known(write: Write) -> None:
    """Without any file there are no credentials."""
    assert find_credentials(HOST, "a") == ANONYMOUS


def test_order_of_files(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Podman's files come before docker's, and the file that the environment names is the only one."""
    write(".docker/config.json", {"auths": {HOST: auth("docker", "d:1")}})
    assert find_credentials(HOST, "a") == Access("docker", "d:1")
    write(".config/containers/auth.json", {"auths": {"other.example": auth("other", "o")}})
    assert find_credentials(HOST, "a") == Access("docker", "d:1")
    write(".config/containers/auth.json", {"auths": {HOST: auth("podman", "p")}})
    assert find_credentials(HOST, "a") == Access("podman", "p")
    write("run/containers/auth.json", {"auths": {HOST: auth("session", "s")}})
    assert find_credentials(HOST, "a") == Access("session", "s")
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(write("named.json", {"auths": {}})))
    assert find_credentials(HOST, "a") == ANONYMOUS


@pytest.mark.parametrize(
    ("repository", "user"), [("a/b/c", "abc"), ("a/b/d", "ab"), ("a/bc", "host"), ("x", "host"), ("a/b", "ab")]
)
def test_the_closest_entry_counts(write: Write, repository: str, user: str) -> None:
    """An entry for a repository, or for a path above it, comes before the host's."""
    names = {f"{HOST}/a/b/c": "abc", f"{HOST}/a/b": "ab", HOST: "host"}
    write(".config/containers/auth.json", {"auths": {name: auth(found, "s") for name, found in names.items()}})
    assert find_credentials(HOST, repository).user == user


@pytest.mark.parametrize("name", [f"https://{HOST}", f"https://{HOST}/v1/", f"http://{HOST}/v2", HOST])
def test_names_with_a_scheme(write: Write, name: str) -> None:
    """Old versions of docker wrote whole addresses."""
    write(".docker/config.json", {"auths": {name: auth("u", "s")}})
    assert find_credentials(HOST, "a") == Access("u", "s")


def test_tokens_in_files(write: Write) -> None:
    """A file may hold a token that buys tokens, or one for the registry itself."""
    write(
        ".docker/config.json", {"auths": {HOST: {**auth("u", ""), "identitytoken": "i"}, "b": {"registrytoken": "r"}}}
    )
    assert find_credentials(HOST, "a") == Access(IDENTITY, "i")
    assert find_credentials("b", "a") == Access(secret="r")


def test_helpers(write: Write, helper: Callable[[str], None]) -> None:
    """A helper for the registry, or for all of them, reads the host and gives user and secret."""
    helper("""read host; [ "$1" = get ] && echo '{"ServerURL": "x", "Username": "'"of $host"'", "Secret": "s"}'""")
    write(".docker/config.json", {"auths": {HOST: {}}, "credHelpers": {HOST: "test"}})
    assert find_credentials(HOST, "a") == Access(f"of {HOST}", "s")
    assert find_credentials("other", "a") == ANONYMOUS
    write(".docker/config.json", {"credsStore": "test"})
    assert find_credentials("other", "a") == Access("of other", "s")


def test_a_helper_that_knows_nothing(write: Write, helper: Callable[[str], None]) -> None:
    """A helper without credentials for the registry leaves it to the file's own entries."""
    helper("echo 'credentials not found in native keychain'; exit 1")
    write(".docker/config.json", {"auths": {HOST: auth("u", "s")}, "credsStore": "test"})
    assert find_credentials(HOST, "a") == Access("u", "s")


@pytest.mark.parametrize("lines", ["echo locked >&2; exit 1", "echo '{}'", "echo nothing"])
def test_a_helper_that_fails(write: Write, helper: Callable[[str], None], lines: str) -> None:
    """A helper that fails is named, and its words are shown."""
    helper(lines)
    write(".docker/config.json", {"credsStore": "test"})
    with pytest.raises(InputError, match="docker-credential-test does not give"):
        find_credentials(HOST, "a")


def test_a_helper_that_is_missing(write: Write) -> None:
    """A helper that is not installed is an error: without it the password would silently be left out."""
    write(".docker/config.json", {"credsStore": "test"})
    with pytest.raises(InputError, match="docker-credential-test"):
        find_credentials(HOST, "a")


@pytest.mark.parametrize(
    "document", ["{", "[]", {"auths": {HOST: {"auth": "%%%"}}}, {"auths": {HOST: {"auth": "dQ=="}}}]
)
def test_files_that_are_broken(write: Write, document: object) -> None:
    """A file that is not what it should be is named."""
    write(".docker/config.json", document)
    with pytest.raises(InputError, match=r"\.docker/config\.json"):
        find_credentials(HOST, "a")


@pytest.mark.parametrize("document", ["", {}, {"auths": None}, {"auths": {HOST: None}}, {"auths": {HOST: {}}}])
def test_files_that_say_nothing(write: Write, document: object) -> None:
    """A file without credentials for the registry is none."""
    write(".docker/config.json", document)
    assert find_credentials(HOST, "a") == ANONYMOUS
