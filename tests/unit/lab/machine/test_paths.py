"""The logs in a rack's directory."""

from __future__ import annotations

from pathlib import Path

from builder.lab.machine.paths import NETWORK_LOG, SERVER_LOGS, list_server_logs, read_last_lines


def test_logs_of_the_servers(tmp_path: Path) -> None:
    """They are those in their own directory, sorted; before a server was started there are none."""
    assert list_server_logs(tmp_path) == []
    (tmp_path / SERVER_LOGS).mkdir()
    for name in ("tftpd-hpa.log", "dnsmasq.log"):
        (tmp_path / SERVER_LOGS / name).touch()
    (tmp_path / NETWORK_LOG).touch()
    assert [log.name for log in list_server_logs(tmp_path)] == ["dnsmasq.log", "tftpd-hpa.log"]


def test_last_lines_are_marked(tmp_path: Path) -> None:
    """The end of a log is given with the log's name before each line; of a log that is not there, nothing."""
    log = tmp_path / "dhcpd.log"
    assert read_last_lines(log) == ""
    log.write_text("one\ntwo \nthree\n")
    assert read_last_lines(log, 2) == "dhcpd.log | two\ndhcpd.log | three"
