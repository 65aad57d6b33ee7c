"""Settings for a check by nginx's own checker, `nginx -t` (nginx(8)).

The checker reads a whole configuration, of which the bundle's settings are a part.  It makes the directories and logs
that this configuration names, and binds the addresses on which it listens.
"""

from __future__ import annotations

import re

MODULES = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
"""The modules of nginx that have a directory of their own for temporary files."""


def complete_configuration(directory: str, site: str) -> str:
    """A complete configuration that includes the file `site` and makes nothing outside `directory`."""
    temporary = "".join(f"    {module}_temp_path {directory}/{module};\n" for module in MODULES)
    return (
        f"pid {directory}/nginx.pid;\nerror_log stderr;\nevents {{}}\n"
        f"http {{\n    access_log off;\n{temporary}    include {site};\n}}\n"
    )


def listen_everywhere(settings: str) -> str:
    """The settings with all addresses to listen on: the machine of the checker may lack the address of the server."""
    return re.sub(r"listen \S+;", "listen 127.0.0.1:8080;", settings)
