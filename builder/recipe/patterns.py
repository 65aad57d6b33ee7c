"""The patterns of words that go into configuration files, so that no word can break these files' syntax.

A host name follows RFC 1123 section 2.1, a package name Debian policy section 5.6.1.  Paths stand unquoted in GRUB
menus, dhcpd.conf, exports and fstab, so blanks, quotes and these files' special characters are not allowed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema


@dataclass(frozen=True)
class Pattern:
    """An annotation of a string type: a regular expression for the whole string, and its meaning in words."""

    regex: str
    words: str

    def matches(self, text: str) -> bool:
        """Whether the whole of `text` matches the regular expression."""
        return re.fullmatch(self.regex, text) is not None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "pattern": f"^(?:{self.regex})$"}

    def _checked(self, text: str) -> str:
        if not self.matches(text):
            raise PydanticCustomError("pattern", "{words}", {"words": self.words})
        return text


LABEL = Pattern(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?", "letters, digits and inner hyphens, 63 at most")
DOMAIN = Pattern(rf"{LABEL.regex}(?:\.{LABEL.regex})*", "names of letters, digits and hyphens, joined by dots")
PATH = Pattern(r"/[A-Za-z0-9._+@/-]*", "an absolute path of letters, digits and . _ + @ -")
RELEASE_NAME = Pattern(r"[a-z0-9][a-z0-9.-]*", "lower-case letters, digits, dots and hyphens, a letter or digit first")
CLUSTER_NAME = Pattern(r"[A-Za-z0-9][A-Za-z0-9._-]*", "letters, digits and . _ -, a letter or digit first")
PORT = Pattern(
    r"(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])/(?:tcp|udp)",
    "a port and its protocol as services(5) has them, such as 22/tcp",
)
VERSION = Pattern(
    r"(?!state$)[A-Za-z0-9][A-Za-z0-9.~+_-]*", "letters, digits and . ~ + _ -, a letter or digit first, and not 'state'"
)

HostName = Annotated[str, LABEL]
DomainName = Annotated[str, DOMAIN]
TreePath = Annotated[str, PATH]
ClusterName = Annotated[str, CLUSTER_NAME]
Port = Annotated[str, PORT]
ReleaseName = Annotated[str, RELEASE_NAME]
Version = Annotated[str, VERSION]
Title = Annotated[str, Pattern(r"""[^\x00-\x1f\x7f"'`\\$;{}]*""", "one line without quotes and ; $ { } \\")]
Line = Annotated[str, Pattern(r"[^\x00-\x1f\x7f]*", "one line without control characters")]
AccountName = Annotated[str, Pattern(r"[A-Za-z_][A-Za-z0-9_-]*", "letters, digits, _ and -, a letter or _ first")]
Suite = Annotated[str, Pattern(r"[a-z][a-z0-9-]*", "a suite's code name in lower-case letters, such as trixie")]
Architecture = Annotated[str, Pattern(r"[a-z0-9]+", "a Debian architecture, such as amd64")]
Component = Annotated[str, Pattern(r"[a-z][a-z0-9/-]*", "a component of the archive, such as main")]
Mirror = Annotated[
    str, Pattern(r"https?://[A-Za-z0-9._~:/@%+\[\]-]+", "an http or https URL without blanks and quotes")
]
_PACKAGE = r"[a-z0-9][a-z0-9+.-]+"
PackageName = Annotated[str, Pattern(_PACKAGE, "a package's name: lower-case letters, digits and + . -")]
PackageNeed = Annotated[
    str, Pattern(rf"{_PACKAGE}(?: \| {_PACKAGE})*", "a package's name, or names of which one is enough: a | b")
]
_BYTE = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
LogServer = Annotated[
    str, Pattern(rf"cluster|{_BYTE}(?:\.{_BYTE}){{3}}", 'an IPv4 address such as "192.168.0.1", or "cluster"')
]
ElementName = Annotated[
    str, Pattern(r"[a-z0-9][a-z0-9._-]*", "an element's name: lower-case letters, digits and . _ -")
]
KernelArgument = Annotated[
    str,
    Pattern(r"[ -~]*", "ASCII characters only: of others the kernel takes some bytes for blanks"),
    Pattern(r"(?!-).*", "a kernel argument without - before it, which stands for one that is taken away"),
    Pattern(r"[^'\\]*", "a kernel argument without ' and \\, before which GRUB would write another \\"),
    Pattern(
        r"""[^"]*|"[^"]*"|[^="]*="[^"]*\x22""", "quotes around all of the argument or its value; GRUB changes others"
    ),
    Pattern(
        r"""[^-'\\" ][^'\\" ]*|[^-'\\"= ][^'\\"= ]*="[^'\\"]*"|"[^'\\" ][^'\\"]*\x22""",
        "each kernel argument as a string of its own, and blanks within quotes, as in 'dyndbg=\"file x +p\"'",
    ),
]
"""A kernel argument as the kernel reads it: quotes keep its blanks together (Linux, lib/cmdline.c, next_arg).

GRUB gets the argument without quotes, and puts quotes around an argument with a blank itself.  Before ', " and \\ it
puts a \\, which the kernel takes for a part of the argument.
"""

ModuleName = Annotated[str, Pattern(r"[A-Za-z0-9][A-Za-z0-9_-]*", "a kernel module's name, such as virtio_net")]
NicDriver = Annotated[
    str, Pattern(r"-?[A-Za-z0-9][A-Za-z0-9_-]*", "a kernel module's name, such as igc, or common or all")
]
Interface = Annotated[str, Pattern(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,14}|", "a network interface's name, such as eth0")]
SerialLine = Annotated[
    str,
    Pattern(
        r"ttyS[0-3],(?:2400|4800|9600|19200|38400|57600|115200)",
        "a serial line, ttyS0 to ttyS3, and its speed, such as ttyS0,115200",
    ),
]
NtpServer = Annotated[str, Pattern(DOMAIN.regex, "an address or a host name")]
VariableName = Annotated[str, Pattern(r"[A-Z][A-Z0-9_]*", "upper-case letters, digits and underscores")]
ENVIRONMENT_NAME = Pattern(r"[A-Za-z_][A-Za-z0-9_]*", "letters, digits and underscores, no digit first")
EnvironmentName = Annotated[str, ENVIRONMENT_NAME]
