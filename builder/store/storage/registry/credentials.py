"""Finds the credentials for a registry where `podman login`, `docker login` and credential helpers keep them.

Places and forms are those of containers-auth.json(5) and of Docker's config.json.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from builder.errors import InputError
from builder.store.storage.access import ANONYMOUS, Access

IDENTITY = "<token>"
"""The word in place of a user that says that the secret is an identity token, which buys tokens."""
HELPER = "docker-credential-"
HELPER_SECONDS = 60
NOT_FOUND = "credentials not found"
"""The words of a helper that does not know a registry; its exit status is 1."""


def find_credentials(host: str, repository: str) -> Access:
    """The user and secret for a repository, from the first file that has them; ANONYMOUS when no file has.

    :raises InputError: a file cannot be read or has another form, or a helper fails.
    """
    for file in _files():
        document = _read(file)
        if document and (found := _look_up(document, host, repository, file)):
            return found
    return ANONYMOUS


def _files() -> Iterator[Path]:
    """The files in the order in which podman(1) reads them."""
    environment = os.environ
    if named := environment.get("REGISTRY_AUTH_FILE"):
        yield Path(named)
        return
    if runtime := environment.get("XDG_RUNTIME_DIR"):
        yield Path(runtime, "containers/auth.json")
    yield Path(f"/run/containers/{os.getuid()}/auth.json")
    yield Path(environment.get("XDG_CONFIG_HOME") or Path.home() / ".config", "containers/auth.json")
    yield Path(environment.get("DOCKER_CONFIG") or Path.home() / ".docker", "config.json")


def _read(file: Path) -> dict[str, Any]:
    try:
        document = json.loads(file.read_bytes() or b"{}")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        raise InputError(
            f"the credentials in {file} cannot be read: {getattr(error, 'strerror', None) or 'this is no JSON'}",
            resolution="Correct the file, or run `podman login` anew.",
        ) from error
    if not isinstance(document, dict):
        raise InputError(f"the credentials in {file} cannot be read: the file holds no JSON object")
    return document


def _look_up(document: Mapping[str, Any], host: str, repository: str, file: Path) -> Access | None:
    """The credentials in one file: a helper's first, else those of the entry that names most of the repository."""
    helper = _table(document, "credHelpers").get(host) or document.get("credsStore")
    if isinstance(helper, str) and (found := _ask_helper(helper, host)):
        return found
    entries = {_bare(name): entry for name, entry in _table(document, "auths").items()}
    for name in _names(host, repository):
        if isinstance(entry := entries.get(name), dict) and (found := _read_entry(entry, name, file)):
            return found
    return None


def _names(host: str, repository: str) -> Iterator[str]:
    """Yield the names of entries for the repository, from its own to the host's: a/b/c, a/b, a."""
    parts = [host, *repository.split("/")]
    for count in range(len(parts), 0, -1):
        yield "/".join(parts[:count])


def _bare(name: str) -> str:
    """An entry's name without a scheme and the version of the registry's API, which old files have."""
    bare = name.partition("://")[2] or name
    return bare.rstrip("/").removesuffix("/v1").removesuffix("/v2")


def _table(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    table = document.get(key)
    return table if isinstance(table, dict) else {}


def _read_entry(entry: Mapping[str, Any], name: str, file: Path) -> Access | None:
    if token := entry.get("identitytoken"):
        return Access(IDENTITY, str(token))
    if token := entry.get("registrytoken"):
        return Access(secret=str(token))
    if not entry.get("auth"):
        return None
    try:
        user, colon, secret = base64.b64decode(entry["auth"], validate=True).decode().partition(":")
    except (TypeError, ValueError, binascii.Error) as error:
        raise _malformed(name, file) from error
    if not colon:
        raise _malformed(name, file)
    return Access(user, secret.rstrip("\0"))


def _malformed(name: str, file: Path) -> InputError:
    return InputError(
        f"the credentials for {name} in {file} are not a user and a password in base64",
        resolution=f"Run `podman login {name}` anew.",
    )


def _ask_helper(helper: str, host: str) -> Access | None:
    """The credentials from the program `docker-credential-HELPER get`, None when it knows none for the registry.

    The program reads the registry's host from its standard input.
    """
    program = f"{HELPER}{helper}"
    try:
        answer = subprocess.run(
            [program, "get"], input=host, capture_output=True, encoding="utf-8", timeout=HELPER_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _failed(program, host, str(error)) from error
    if answer.returncode:
        if NOT_FOUND in f"{answer.stdout}{answer.stderr}":
            return None
        raise _failed(
            program, host, f"exit status {answer.returncode}: {answer.stderr.strip() or answer.stdout.strip()}"
        )
    try:
        document = json.loads(answer.stdout)
        return Access(str(document["Username"]), str(document["Secret"]))
    except (ValueError, TypeError, KeyError) as error:
        raise _failed(program, host, "its answer is no JSON object with a user name and a secret") from error


def _failed(program: str, host: str, why: str) -> InputError:
    return InputError(
        f"the credential helper {program} does not give the credentials for {host}",
        details=why,
        resolution="Install or repair it, or log in with `podman login`.",
    )
