from __future__ import annotations

import base64

import pytest

from builder.recipe.credentials import is_password_hash, ssh_key_mistake


def key(kind: str, blob_kind: str | None = None) -> str:
    """A public key of a `kind`, its own type being `blob_kind`."""
    own = (blob_kind or kind).encode()
    return base64.b64encode(len(own).to_bytes(4, "big") + own + bytes(36)).decode()


SHA512 = "$6$abcdefgh$ltjgWl6579NluT/Vi1nwEvcil.G5Nbc4NiXZaNGStk8PSwGfQv72N2CKPPrVACtLtip/cZ/1GM/O6IND4WQhG."


@pytest.mark.parametrize(
    "text",
    [
        SHA512,
        "$6$rounds=5000$abcdefgh$ltjgWl6579NluT/Vi1nwE"
        "vcil.G5Nbc4NiXZaNGStk8PSwGfQv72N2CKPPrVACtLtip/cZ/1GM/O6IND4WQhG.",
        "$5$abcdefgh$gruCpC7VkOTspMQTTSAR8mtlO9Upms.fwqE5y16JVM.",
        "$y$j9T$" + "a" * 22 + "$" + "b" * 43,
        "$gy$j9T$" + "a" * 22 + "$" + "b" * 43,
        "$7$CU..../...." + "a" * 22 + "$" + "b" * 43,
        "$2b$12$" + "a" * 53,
    ],
)
def test_hashes(text: str) -> None:
    """What mkpasswd prints for the strong methods of crypt(5) is a hash."""
    assert is_password_hash(text)


@pytest.mark.parametrize(
    "text",
    ["", "secret", "!", "*", "$6$", "$6$salt$short", "$1$abcdefgh$" + "a" * 22, "ab" + "c" * 11, SHA512 + "\n"],
)
def test_what_is_no_hash(text: str) -> None:
    """Passwords, locks, cut hashes and hashes of weak methods are refused."""
    assert not is_password_hash(text)


@pytest.mark.parametrize("kind", ["ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "sk-ssh-ed25519@openssh.com"])
def test_public_keys(kind: str) -> None:
    """A line of a .pub file is right, with a comment or without."""
    assert ssh_key_mistake(f"{kind} {key(kind)} me@home") == ssh_key_mistake(f"{kind} {key(kind)}") == ""


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "this is a private key"),
        (f"ssh-rsa {key('ssh-rsa')}\nssh-rsa x", "this ssh key holds a control character"),
        (f'command="x" ssh-rsa {key("ssh-rsa")}', "this ssh key does not start with a key type that sshd knows"),
        ("ssh-dss AAAA", "this ssh key does not start with a key type that sshd knows"),
        (f"ssh-rsa {key('ssh-rsa')[:-1]}", "the ssh-rsa key is not complete base64"),
        ("ssh-rsa ä", "the ssh-rsa key is not complete base64"),
        ("ssh-rsa", "the key in this line is of another type than ssh-rsa"),
        (f"ssh-rsa {key('ssh-rsa', 'ssh-ed25519')}", "the key in this line is of another type than ssh-rsa"),
    ],
)
def test_what_is_no_public_key(text: str, mistake: str) -> None:
    """Private keys, options, old types and broken copies are told apart."""
    assert ssh_key_mistake(text) == mistake
