"""The units of the package under a real systemd, on Debian 12 and 13: in their sandboxes the verbs do their work."""

from __future__ import annotations

from pathlib import Path

import pytest
from bare_debian import SERVE, STORE, install, made_store
from booted_debian import find_cgroups, run_booted

pytestmark = [
    pytest.mark.container,
    pytest.mark.full,
    pytest.mark.skipif(find_cgroups() is None, reason="there are no control groups to write to"),
]

SCRIPT = """
result() { systemctl show --property=Result --property=ExecMainStatus --value "$1" | paste -sd ' '; }
%(serve)s
nfsroot-site trust %(store)s %(fingerprint)s >/dev/null

mkdir -p /etc/systemd/system/nfsroot-site-sync@.service.d /etc/systemd/system/nfsroot-site-confirm.timer.d
# Devices and set-user-ID programs of a tree are made in the sandbox of the unit.
cat >/etc/systemd/system/nfsroot-site-sync@.service.d/devices.conf <<'END'
[Service]
ExecStartPre=/bin/mknod /root/console c 5 1
ExecStartPre=/bin/mknod /root/loop0 b 7 0
ExecStartPre=/bin/rm /root/console /root/loop0
END
printf '[Timer]\\nOnCalendar=*:*:0/2\\nAccuracySec=1ms\\n' >/etc/systemd/system/nfsroot-site-confirm.timer.d/often.conf
systemctl daemon-reload
systemctl restart nfsroot-site-confirm.timer

systemctl start nfsroot-site-confirm.service
echo "confirm without a site: $(systemctl show --property=ConditionResult --value nfsroot-site-confirm.service)"

systemctl start nfsroot-site-sync@kerrighed@stable.service || journalctl --no-pager
echo "sync: $(result nfsroot-site-sync@kerrighed@stable.service)"
stat -c '%%a %%n' /NFSROOT/kerrighed/1.0/usr/bin/tool
echo "boot: $(grep -o 'kerrighed/1\\.[0-9]' /srv/tftp/grub/ssi1 | head -n 1)"

mkdir -p /var/lib/prometheus/node-exporter
systemctl start nfsroot-site-status.service
echo "status: $(grep -c nfsroot_node_next_boot /var/lib/prometheus/node-exporter/nfsroot-site.prom) lines"

nfsroot-site unpack kerrighed@test >/dev/null 2>&1
nfsroot-site switch kerrighed 1.1 --confirm 3s >/dev/null
echo "trial: $(grep -o 'kerrighed/1\\.[0-9]' /srv/tftp/grub/ssi1 | head -n 1)"
for _ in $(seq 60); do
  grep -q deadline /var/lib/nfsroot-site/state.json || break
  sleep 0.5
done
sleep 1
echo "after: $(grep -o 'kerrighed/1\\.[0-9]' /srv/tftp/grub/ssi1 | head -n 1)"
journalctl --no-pager --output=cat --unit=nfsroot-site-confirm.service | grep -o '.*did not report.*' | head -n 1
"""


@pytest.mark.parametrize("suite", ["bookworm", "trixie"])
def test_units_do_their_work(suite: str, deb: Path, tmp_path: Path) -> None:
    """sync unpacks and switches, the timer of trials gives nodes their old menus back, status writes its metrics."""
    directory, outside = tmp_path / suite, tmp_path / "outside"
    install(deb, suite, directory, "systemd", "dbus")
    outside.mkdir()
    words = {"serve": SERVE, "store": STORE, "fingerprint": made_store(outside / "store", tmp_path / "publisher")}
    said = run_booted(directory, outside, SCRIPT % words, seconds=180).splitlines()
    assert said[:-1] == [
        "confirm without a site: no",
        "sync: success 0",
        "4755 /NFSROOT/kerrighed/1.0/usr/bin/tool",
        "boot: kerrighed/1.0",
        "status: 6 lines",
        "trial: kerrighed/1.1",
        "after: kerrighed/1.0",
    ]
    assert "ssi[1-4] did not report 1.1 in 3 s" in said[-1]
