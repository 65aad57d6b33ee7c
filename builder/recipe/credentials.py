"""Checks of the password hashes and ssh keys that may go into a tree that every node mounts."""

from __future__ import annotations

import base64
import re

_B64 = "[./A-Za-z0-9]"
_HASH = re.compile(
    rf"\$g?y\${_B64}+\${_B64}{{1,86}}\${_B64}{{43}}"  # yescrypt, gost-yescrypt
    rf"|\$7\${_B64}{{11,97}}\${_B64}{{43}}"  # scrypt
    rf"|\$2[abxy]\$[0-9]{{2}}\${_B64}{{53}}"  # bcrypt
    rf"|\$6\$(?:rounds=[1-9][0-9]{{3,8}}\$)?{_B64}{{1,16}}\${_B64}{{86}}"  # sha512crypt
    rf"|\$5\$(?:rounds=[1-9][0-9]{{3,8}}\$)?{_B64}{{1,16}}\${_B64}{{43}}"  # sha256crypt
)
_KEY_TYPES = frozenset(
    {
        "ssh-ed25519",
        "ssh-rsa",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "sk-ssh-ed25519@openssh.com",
        "sk-ecdsa-sha2-nistp256@openssh.com",
    }
)


def is_password_hash(text: str) -> bool:
    """Whether `text` is a hash of a method that crypt(5) still deems strong: yescrypt down to sha256crypt."""
    return _HASH.fullmatch(text) is not None


def ssh_key_mistake(text: str) -> str:
    """The reason why `text` is no line of authorized_keys (sshd(8)) without options; empty when it is one.

    The reason never repeats the text, which may be a private key.
    """
    if "PRIVATE KEY" in text:
        return "this is a private key"
    if not text.isprintable():
        return "this ssh key holds a control character"
    kind, _, rest = text.partition(" ")
    if kind not in _KEY_TYPES:
        return "this ssh key does not start with a key type that sshd knows"
    try:
        blob = base64.b64decode(rest.partition(" ")[0], validate=True)
    except ValueError:  # not base64, or not ASCII
        return f"the {kind} key is not complete base64"
    if not blob.startswith(len(kind).to_bytes(4, "big") + kind.encode()):  # RFC 4253 section 6.6
        return f"the key in this line is of another type than {kind}"
    return ""
