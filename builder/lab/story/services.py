"""Scripts of /etc/init.d in the rack's machine, by which nfsroot-site starts daemons, as on any machine.

The machine has no systemd.  Each script starts the daemon as the lab does without stories (builder.lab.servers).
"""

from __future__ import annotations

from builder.lab.machine.namespace import Namespace
from builder.lab.machine.paths import INSIDE, SERVER_LOGS
from builder.lab.server.namespace_server import RPCBIND, SCRIPTS
from builder.recipe.models import Server

DAEMONS = "/etc/nfsroot-lab"
"""The directory, in the machine, of the scripts that become daemons."""

STATE = (
    *("/root", "/var/lib/dhcp", "/var/lib/kea", "/var/lib/nfs/ganesha", "/var/lib/nfs/sm"),
    *("/var/lib/nginx", "/var/log/nginx"),
)
"""The directories that the daemons' packages make."""

OPEN = ("/etc", "/var")
"""The directories that bwrap(1) makes for root alone, and that rpcbind, of another user, must read to serve calls."""

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
  # The machine's init waits for nobody: a daemon would stay in the table of processes as a zombie, and dhcpd would not
  # start again as long as the process is there that its file of before names.
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
"""The site's own configuration file, which names the programs that serve."""


def install_scripts(namespace: Namespace, server: Server, *, rpcbind: bool) -> None:
    """Write the scripts, and the site's configuration with the programs that `server` names, into the machine.

    With `rpcbind`, which nodes then ask for the NFS server, rpcbind is started.
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
