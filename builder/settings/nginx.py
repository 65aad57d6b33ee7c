"""How nginx's own checker, `nginx -t` (nginx(8)), reads the bundle's settings.

It wants a whole configuration, of which they are a part, makes the directories and logs that this names, and binds
the addresses on which it listens.
"""

from __future__ import annotations

import re

MODULES = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
"""Each has a directory of its own for temporary files."""


def whole(directory: str, site: str) -> str:
    """A configuration that includes the file `site` and makes nothing outside `directory`."""
    temporary = "".join(f"    {module}_temp_path {directory}/{module};\n" for module in MODULES)
    return (
        f"pid {directory}/nginx.pid;\nerror_log stderr;\nevents {{}}\n"
        f"http {{\n    access_log off;\n{temporary}    include {site};\n}}\n"
    )


def anywhere(settings: str) -> str:
    """The settings, listening where every machine can: the checker's need not have the server's address."""
    return re.sub(r"listen \S+;", "listen 127.0.0.1:8080;", settings)
