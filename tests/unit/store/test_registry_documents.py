"""Tags and manifests of objects in a registry."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.errors import InputError
from builder.store.errors import StoreError
from builder.store.storage.access import Access
from builder.store.storage.interface import Blob
from builder.store.storage.oci import OciStorage, open_repository
from builder.store.storage.open import open_storage
from builder.store.storage.registry.documents import (
    CREATED,
    read_document,
    readable,
    tag_of,
    write_document,
    write_object,
)

PATHS = st.text("abcXYZ019._-+~/", min_size=1, max_size=200)
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
"""What a registry takes for a tag (distribution specification, "Pulling manifests")."""


@given(PATHS, PATHS)
def test_tags(one: str, other: str) -> None:
    """Each path has a tag of its own that a registry takes, and whose beginning shows where the path begins."""
    assert TAG.fullmatch(tag_of(one))
    assert (tag_of(one) == tag_of(other)) == (one == other)
    assert tag_of(one + other).startswith(readable(one))


def test_tags_stay() -> None:
    """The tag of a path is the same in each version of nfsroot, or a store could not be read any more."""
    assert tag_of("metadata/timestamp.json") == "_metadata.timestamp.json.b5b31e0b20b64bdda5d9a548188e5828b79f19a2"


@given(PATHS, st.lists(st.builds(Blob, st.text("0123456789abcdef", min_size=64, max_size=64), st.integers(0, 1 << 40))))
def test_manifests_come_back(path: str, keeps: list[Blob]) -> None:
    """A manifest names the object's path, its content, and once each blob that it keeps."""
    content = Blob("ab" * 32, 12)
    document = read_document(write_object(path, content, keeps), "here")
    assert document.object_path == path
    assert list(document.layers) == [content, *dict.fromkeys(keeps)]
    assert document.created > 1_700_000_000


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"<html>sign in first</html>",
        b"[]",
        b'{"schemaVersion": 2, "manifests": []}',
        b'{"layers": [{"mediaType": "x", "digest": "sha256:../../etc", "size": 1}]}',
        b'{"layers": [{"mediaType": "x", "digest": 7, "size": 1}]}',
        b'{"layers": [], "annotations": ["x"]}',
        b'{"layers": [{"mediaType": "x", "digest": "sha256:%s", "size": -1}]}' % (b"0" * 64),
    ],
)
def test_what_is_no_manifest(text: bytes) -> None:
    """Anything but a manifest of an image is refused, with the place where it stands."""
    with pytest.raises(StoreError, match=r"oci://here:tag is no OCI image manifest"):
        read_document(text, "oci://here:tag")


def test_manifests_of_others() -> None:
    """An image's manifest stands for no object, and a time that is none counts as long ago."""
    config = {"mediaType": "x", "digest": f"sha256:{'0' * 64}", "size": 1}
    document = read_document(write_document(config, [], {CREATED: "yesterday"}), "here")
    assert document.object_path is None
    assert document.created == 0


def test_annotations_are_readable() -> None:
    """The manifest is JSON of the form that registries check."""
    document = json.loads(write_object("a/b", Blob("0" * 64, 1), []))
    assert document["schemaVersion"] == 2
    assert document["mediaType"] == "application/vnd.oci.image.manifest.v1+json"


@pytest.mark.parametrize(
    "address", ["oci://host", "oci://host/", "oci://host/Upper", "oci://host/a:tag", "oci://host/a//b"]
)
def test_addresses_without_a_repository(address: str) -> None:
    """An address that names no repository is the user's mistake."""
    with pytest.raises(InputError, match=r"names no repository|is no address of a server"):
        open_storage(address)


@pytest.mark.parametrize(
    ("host", "plain_http", "scheme"),
    [
        ("registry.example", None, "https"),
        ("127.example", None, "https"),
        ("localhost.example:5000", None, "https"),
        ("localhost:5000", None, "http"),
        ("127.0.0.1:5000", None, "http"),
        ("[::1]:5000", None, "http"),
        ("registry.example:5000", True, "http"),
        ("localhost:5000", False, "https"),
    ],
)
def test_encryption(host: str, plain_http: bool | None, scheme: str) -> None:
    """Registries on other machines are asked over https unless the user says otherwise."""
    storage = open_repository(f"oci://{host}/site/nfsroot/", Access(plain_http=plain_http))
    assert isinstance(storage, OciStorage)
    assert storage.address == f"oci://{host}/site/nfsroot"
    assert storage.repository.url == f"{scheme}://{host}/v2/site/nfsroot/"
