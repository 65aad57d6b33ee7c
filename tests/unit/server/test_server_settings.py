"""settings.json of a server bundle: a site reads the same as the recipe decided."""

from __future__ import annotations

import json
from typing import Any

import pytest
from layouts import layout_of
from server_recipes import SHARED, texts, with_cluster, with_http, with_nodes, with_root, with_server

from builder.errors import InputError
from builder.recipe.choices import RootKind, RootTransport
from builder.recipe.models import Recipe
from builder.server.bundle import settings
from builder.server.settings import decide
from builder.settings.release import FILE, parse


def recipes(debian: Recipe, kerrighed: Recipe) -> list[Recipe]:
    """Recipes of every kind of root, boot and server."""
    return [
        debian,
        kerrighed,
        with_nodes(debian, 300),
        with_http(debian),
        with_root(debian, nfs_version=4, writable=SHARED),
        with_root(debian, kind=RootKind.IMAGE, transport=RootTransport.HTTP),
        with_cluster(debian, gateway=None, dns=(), ntp=()),
        with_server(debian, interface="eno1", dhcp="kea", tftp="dnsmasq", nfs="ganesha"),
    ]


def test_a_site_reads_what_the_recipe_decided(debian: Recipe, kerrighed: Recipe) -> None:
    """Each recipe's decision comes back from the bundle's settings.json as it was."""
    for recipe in recipes(debian, kerrighed):
        text = texts(settings(layout_of(recipe)))[FILE]
        assert parse(text.encode(), FILE) == decide(layout_of(recipe))


def test_a_newer_schema_is_refused(debian: Recipe) -> None:
    """A site does not guess what a newer nfsroot means."""
    document = {**json.loads(decide(layout_of(debian)).text()), "schema_version": 2}
    with pytest.raises(InputError, match=r"schema 2; this nfsroot reads schema 1"):
        parse(json.dumps(document).encode(), FILE)


@pytest.mark.parametrize(
    "damage",
    [
        {"dhcp": None},
        {"nodes": [{"name": "a"}]},
        {"nodes": [{"name": "a", "mac": "52:54:00:00:01:01", "address": "300.0.0.1"}]},
        {"exports": [{"path": "/"}]},
        {"root": {}},
        {"programs": []},
        {"loaders": [3]},
    ],
    ids=str,
)
def test_damage_is_said_and_raises_nothing_else(debian: Recipe, damage: dict[str, Any]) -> None:
    """What is no settings.json ends in a sentence that names the file."""
    document = {**json.loads(decide(layout_of(debian)).text()), **damage}
    with pytest.raises(InputError, match=r"settings\.json does not hold what a release asks"):
        parse(json.dumps(document).encode(), FILE)


def test_no_json_is_said() -> None:
    """Bytes of another kind end in the same sentence."""
    with pytest.raises(InputError, match="does not hold"):
        parse(b"\xff{", FILE)


def test_boot_over_http_names_nginx(debian: Recipe) -> None:
    """A release that needs HTTP names its program; another names none."""
    assert decide(layout_of(with_http(debian))).programs["http"] == "nginx"
    assert "http" not in decide(layout_of(debian)).programs
