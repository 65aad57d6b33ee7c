"""rsyslogd's settings: what comes from a node is written to its own file, of limited size."""

from __future__ import annotations

import json
from ipaddress import IPv4Address

from layouts import layout_of

from builder.recipe.models import Logs, Recipe
from builder.rendered_files import RenderedFile
from builder.server.bundle import render
from builder.server.checks import checked
from builder.server.settings import decide
from builder.settings import rsyslog
from builder.settings.programs import LOG_NODES, LOGROTATE_CONF, RSYSLOG_CONF

OTHER_SERVER = IPv4Address("10.1.2.3")


def with_log_server(recipe: Recipe, address: IPv4Address | None = None) -> Recipe:
    """The recipe with a log server: the cluster's own one, or another."""
    return recipe.model_copy(update={"logs": Logs(server=address or recipe.cluster.server.address)})


def files(recipe: Recipe) -> dict[str, RenderedFile]:
    """The files of a recipe's bundle, by path."""
    return {file.path: file for file in render(layout_of(recipe))}


def test_bundle_has_settings_for_its_own_server_alone(debian: Recipe) -> None:
    """Only a release whose nodes send to its cluster's server sets that one up."""
    paths = {RSYSLOG_CONF, LOG_NODES, LOGROTATE_CONF}
    assert not paths & set(files(debian))
    assert not paths & set(files(with_log_server(debian, OTHER_SERVER)))
    assert paths < set(files(with_log_server(debian)))
    assert decide(layout_of(with_log_server(debian))).programs["logs"] == "rsyslog"
    assert "logs" not in decide(layout_of(with_log_server(debian, OTHER_SERVER))).programs


def test_every_node_has_a_name_in_the_table(debian: Recipe) -> None:
    """The table is a lookup table of type "string" with the node of each address, and says who made it."""
    table = json.loads(rsyslog.nodes_json([decide(layout_of(with_log_server(debian)))]))
    assert {row["index"]: row["value"] for row in table["table"]} == {
        str(node.address): node.name for node in debian.cluster.nodes
    }
    assert (table["version"], table["type"], table["nomatch"]) == (1, "string", "")
    assert table["comment"][0] == f"Settings for the servers of cluster {debian.cluster.name}, made by nfsroot."


def test_servers_of_two_clusters_listen_at_their_addresses(debian: Recipe) -> None:
    """One server of two clusters has an address on the network of each, and listens at both."""
    one = decide(layout_of(with_log_server(debian)))
    text = rsyslog.rsyslog_conf([one, one.__class__(**{**vars(one), "dhcp": one.dhcp._replace(server=OTHER_SERVER)})])
    for address in (debian.cluster.server.address, OTHER_SERVER):
        assert f'input(type="imptcp" address="{address}" port="514" ' in text
        assert f'input(type="imudp" address="{address}" port="6666" ' in text


def test_checker_reads_the_table_beside(debian: Recipe) -> None:
    """rsyslogd -N1 opens the table of nodes, which is no file of the checker's machine."""
    recipe = with_log_server(debian)
    read = {file.path: file.content.decode() for file in checked(recipe, files(recipe).values())}
    assert f'file="/input/bundle/{LOG_NODES}"' in read[RSYSLOG_CONF]
    assert LOG_NODES in read


def test_size_of_a_nodes_files_is_limited(debian: Recipe) -> None:
    """rsyslogd calls logrotate at the size at which logrotate renames a file, and a few files are kept."""
    releases = [decide(layout_of(with_log_server(debian)))]
    assert 'rotation.sizeLimit="1m" rotation.sizeLimitCommand="/usr/sbin/logrotate /etc/logrotate.d/nfsroot"' in (
        rsyslog.rsyslog_conf(releases)
    )
    assert {"size 1M", "rotate 3"} < {line.strip() for line in rsyslog.logrotate_conf(releases).splitlines()}
