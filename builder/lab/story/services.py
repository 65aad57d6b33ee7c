"""The scripts in /etc/init.d of a story's server, by which nfsroot-site starts daemons.

The server runs in a namespace without systemd.  Each script starts a daemon as the server of a rack does
(builder.lab.server.namespace_server).
"""

from __future__ import annotations

from builder.lab.machine.namespace import Namespace
from builder.lab.machine.paths import INSIDE, SERVER_LOGS
from builder.lab.server.namespace_server import RPCBIND, SCRIPTS
from builder.recipe.models import Server

DAEMONS = "/etc/nfsroot-lab"
"""The directory, in the namespace, of the scripts that become daemons."""

STATE = (
    *("/root", "/var/lib/dhcp", "/var/lib/kea", "/var/lib/nfs/ganesha", "/var/lib/nfs/sm"),
    *("/var/lib/logrotate", "/var/lib/nginx", "/var/log/nginx"),
)
"""The directories that the packages of the daemons create."""

OPEN = ("/etc", "/var")
"""The directories that bwrap(1) creates for root alone; rpcbind, which runs as another user, has to read them."""

SCRIPT = f"""\
#!/bin/sh
# usage: service NAME start|stop|restart|reload|status
name=${{0##*/}}
pid_file=/run/nfsroot-$name.pid
log={INSIDE}/{SERVER_LOGS}/$name.log

runs() {{
  [ -s "$pid_file" ] && kill -0 "$(cat "$pid_file")" 2>/dev/null
}}

start() {{
  if runs; then return; fi
  rm -f "$pid_file"
  # The namespace's init does not wait for its children: a daemon would stay in the table of processes as a zombie, and
  # dhcpd would not start again as long as the process in its old PID file is there.
  # shellcheck disable=SC2016
  setsid sh -c 'sh -eu "$1" & echo $! >"$2"; wait' "$name" "{DAEMONS}/$name" "$pid_file" >>"$log" 2>&1 </dev/null &
  until [ -s "$pid_file" ]; do sleep 0.05; done
  sleep 0.3
  runs || {{ echo "$name ended at once: see $log" >&2; exit 1; }}
}}

stop() {{
  if ! runs; then return; fi
  kill -TERM "$(cat "$pid_file")"
  tries=100
  while runs; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || kill -KILL "$(cat "$pid_file")"
    sleep 0.1
  done
  rm "$pid_file"
}}

case ${{1:-}} in
  start) start ;;
  stop) stop ;;
  restart | force-reload) stop; start ;;
  reload) runs && kill -HUP "$(cat "$pid_file")" ;;
  status) runs || exit 3 ;;
  *) echo "$name: start, stop, restart, reload or status" >&2; exit 2 ;;
esac
"""


OPTIONS = "/etc/nfsroot-site.toml"
"""The configuration file of nfsroot-site, which names the daemons that serve."""


def install_scripts(namespace: Namespace, server: Server, *, rpcbind: bool) -> None:
    """Write the scripts into the namespace, and a configuration of nfsroot-site with the daemons that `server` names.

    With `rpcbind`, which nodes with NFSv3 need, rpcbind is started.
    """
    namespace.run(("chmod", "755", *OPEN))
    namespace.run(("mkdir", "-p", "/etc/init.d", DAEMONS, f"{INSIDE}/{SERVER_LOGS}", *STATE))
    for name, becomes in SCRIPTS.items():
        namespace.path(f"{DAEMONS}/{name}").write_text(f"{becomes}\n", encoding="utf-8")
        if name != RPCBIND or rpcbind:
            script = namespace.path(f"/etc/init.d/{name}")
            script.write_text(SCRIPT, encoding="utf-8")
            script.chmod(0o755)
    chosen = "".join(f'{role} = "{getattr(server, role)}"\n' for role in ("dhcp", "tftp", "nfs"))
    namespace.path(OPTIONS).write_text(f"[server]\n{chosen}", encoding="utf-8")
    if rpcbind:
        namespace.run(("service", RPCBIND, "start"))
