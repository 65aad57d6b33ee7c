"""The credentials with which nfsroot introduces itself to a server, and the certificates that it accepts."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from pathlib import Path

BEARER = "Authorization"
"""The header for a token where no other is named; the token follows the word Bearer (RFC 6750 section 2.1)."""


@dataclass(frozen=True)
class Access:
    """Credentials and addresses for one store.  The secret is never part of the text of this object.

    `user` and `secret` are a name and its password (for S3, an access key and its secret key); without `user`, the
    `secret` is a token that `header` carries.  `ca_file` names certificates that are accepted besides the system's.
    `endpoint` and `region` are those of an S3 server.  `plain_http` says whether an OCI registry is asked without
    encryption; None: only a registry on this machine is.
    """

    user: str = ""
    secret: str = field(default="", repr=False)
    header: str = BEARER
    ca_file: Path | None = None
    endpoint: str = ""
    region: str = ""
    plain_http: bool | None = None

    def headers(self) -> dict[str, str]:
        """The headers of HTTP that carry the credentials; none without credentials."""
        if self.user:
            pair = base64.b64encode(f"{self.user}:{self.secret}".encode()).decode()
            return {"Authorization": f"Basic {pair}"}
        if not self.secret:
            return {}
        return {self.header: f"Bearer {self.secret}" if self.header == BEARER else self.secret}


ANONYMOUS = Access()
"""No credentials, and the certificates of the system."""
