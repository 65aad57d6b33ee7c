from __future__ import annotations

from collections.abc import Callable

import pytest

MKPASSWD = "write the output of `mkpasswd --method=yescrypt`, never the password itself"
PUBLIC_KEY = "write one line of an id_....pub file: type, key and comment"
VERSION = "write letters, digits and . ~ + _ -, a letter or digit first, and not 'state'"
ARGUMENT = "write each kernel argument as a string of its own, and blanks within quotes, as in 'dyndbg=\"file x +p\"'"
ASCII = "write ASCII characters only: of others the kernel takes some bytes for blanks"
HASH = "$y$j9T$" + "a" * 22 + "$" + "b" * 43
PATH = "write an absolute path of letters, digits and . _ + @ -"

MISTAKES = [
    # root and its writable directories
    ('[root]\npath = "/"', ["3:8: root.path is /, a system directory; write /NFSROOT/..."]),
    ('[root]\npath = "/NFSROOT//x"', ["3:8: /NFSROOT//x is not the shortest form of the path; write /NFSROOT/x"]),
    ('[root]\npath = "/NFSROOT/../x"', ["3:8: /NFSROOT/../x is not the shortest form of the path; write /x"]),
    ('[root]\npath = "NFSROOT"', [f"3:8: root.path is 'NFSROOT'; {PATH}"]),
    ('[root]\npath = "/NFS ROOT"', [f"3:8: root.path is '/NFS ROOT'; {PATH}"]),
    (
        '[root]\naccess = "rw"\nwritable = [{path = "/var", kind = "shared"}]',
        [
            "3:10: the root is writable as a whole, yet directories are listed at recipes/mine.toml:4:12; "
            'write writable = [], or access = "ro"'
        ],
    ),
    (
        '[root]\nkind = "image"\naccess = "rw"',
        [
            "4:10: nobody writes to an image: what a node writes to its root stays in its memory; "
            'leave it out, or write kind = "directory"'
        ],
    ),
    (
        '[root]\nkind = "image"\nwritable = [{path = "/var", kind = "shared"}]',
        [
            "3:8: nodes may write everywhere in a root image, yet directories are listed at recipes/mine.toml:4:12; "
            'write writable = [], or kind = "directory"'
        ],
    ),
    (
        '[root]\ntransport = "http"',
        ['3:13: a tree of files cannot come over HTTP; write kind = "image", or transport = "nfs"'],
    ),
    (
        '[root]\nkind = "image"\ntransport = "http"\n[login]\nroot_password_hash = "' + HASH + '"',
        [
            "6:22: over HTTP (recipes/mine.toml:4:13) everybody in the cluster's network could fetch the hash, users "
            'of nodes included; use ssh_keys, or transport = "nfs"'
        ],
    ),
    ('[root]\nkind = "picture"', ["3:8: root.kind is 'picture'; write 'directory' or 'image'"]),
    ('[root]\nformat = "ext4"', ["3:10: root.format is 'ext4'; write 'erofs' or 'squashfs'"]),
    ("[root]\nnfs_version = 2", ["3:15: root.nfs_version is 2; write 3 or 4"]),
    (
        '[[root.writable]]\npath = "/var"\nkind = "tmpfs"\n[[root.writable]]\npath = "/var"\nkind = "tmpfs"',
        ["6:8: /var is listed already at recipes/mine.toml:3:8; keep one of them"],
    ),
    (
        '[[root.writable]]\npath = "/var"\nkind = "tmpfs"\n[[root.writable]]\npath = "/var/log"\nkind = "tmpfs"',
        ["6:8: /var/log and /var at recipes/mine.toml:3:8 lie in one another; keep the outer one"],
    ),
    (
        '[[root.writable]]\npath = "/var"\nkind = "shared"\nsize_mib = 64',
        ["5:1: size_mib is for a tmpfs, and this directory is of kind shared; leave it out"],
    ),
    (
        '[[root.writable]]\npath = "/var/"\nkind = "shared"',
        ["3:8: /var/ is not the shortest form of the path; write /var"],
    ),
    (
        '[[root.writable]]\npath = "/var"\n[[root.writable]]\npath = "/tmp"\nkind = "ram"\n'
        '[[root.writable]]\npath = "/etc"\nkind = "tmpfs"',
        [
            "2:8: root.writable[0].kind is missing; write kind = ...",
            "6:8: root.writable[1].kind is 'ram'; write 'shared', 'tmpfs', 'persistent' or 'node'",
            "8:8: /etc cannot be made writable; leave it out",
        ],
    ),
    *(
        (
            f'[[root.writable]]\npath = "{path}"\nkind = "tmpfs"',
            [f"3:8: {path} cannot be made writable; leave it out"],
        )
        for path in ("/", "/etc", "/usr", "/proc", "/proc/x", "/dev", "/run", "/lib64")
    ),
    # state
    (
        '[root]\npath = "/NFSROOT/mine"\nstate = "/NFSROOT/mine/kept"',
        [
            "4:9: root.state is /NFSROOT/mine/kept, where a release may stand; "
            "write /NFSROOT/mine/state, or a directory that is not in /NFSROOT/mine"
        ],
    ),
    ('[root]\nstate = "/usr"', ["3:9: root.state is /usr, a system directory; write a directory for state alone"]),
    ('[root]\nstate = "/srv/../x"', ["3:9: /srv/../x is not the shortest form of the path; write /x"]),
    ("[root]\nisolate = true", ['3:1: isolate is for directories of kind "node", and there is none; leave it out']),
    (
        '[image]\nversion = "state"',
        [f"3:11: image.version is 'state'; {VERSION}"],
    ),
    # accounts
    (
        "[debian]\naccounts = { munge = 900, slurm = 900 }",
        ["3:35: munge and slurm cannot both have the number 900; give one of them another number"],
    ),
    ("[debian]\naccounts = { munge = 33 }", ["3:22: debian.accounts.munge is 33; write 100 or more"]),
    # kernel arguments
    *(
        (f"[kernel]\narguments = ['quiet', '{argument}']", [f"3:23: kernel.arguments[1] is {argument!r}; {ARGUMENT}"])
        for argument in ("a b", "a b=c", "")
    ),
    ('kernel.arguments = ["a\\nb"]', [f"2:21: kernel.arguments[0] is 'a\\nb'; {ASCII}"]),
    *(
        (f'[kernel]\narguments = ["{argument}"]', [f"3:14: '{argument}' is set by nfsroot itself; {fix}"])
        for argument, fix in [
            ("root=/dev/sda", "leave it out, every menu has it"),
            ("ip=dhcp", "leave it out, every menu has it"),
            ("BOOTIF=01-52-54-00-00-01-01", "leave it out, every menu has it"),
            ("rw", "set root.access instead"),
            ("session_id=2", "set kerrighed.session_id instead"),
            ("node_id=2", "set kerrighed.node_ids instead"),
        ]
    ),
    (
        f"[kernel]\narguments = ['a={'b' * 1000}', 'c={'d' * 600}']",
        [
            "3:13: the arguments have 1606 characters together; "
            "write 1536 at most: GRUB drops what goes beyond the kernel's 2047, nfsroot's own included"
        ],
    ),
    # initramfs
    (
        '[initramfs]\ncompression = "gzip"\ncompression_level = 12',
        ["4:21: gzip has no level 12; write compression_level = 9 or less"],
    ),
    # boot loaders
    ("[boot]\nvariants = []", ['3:12: no boot loader at all; write variants = ["i386-pc"]']),
    ('[boot]\nuefi = "i386-pc"', ['3:8: i386-pc is for BIOS, not for UEFI; write "x86_64-efi" or "secure-boot"']),
    (
        '[boot]\nvariants = ["i386-pc"]\nuefi = "secure-boot"',
        ["4:8: 'secure-boot' is not among boot.variants; add \"secure-boot\" to boot.variants"],
    ),
    (
        '[debian]\nsuite = "bookworm"\narchitecture = "i386"\n[boot]\nvariants = ["i386-pc", "secure-boot"]',
        [
            "6:24: boot variant 'secure-boot' does not go with architecture i386; "
            'write variants = ["i386-pc"] in [boot]'
        ],
    ),
    (
        '[debian]\nsuite = "bookworm"\narchitecture = "i386"\n',
        [
            f"4:16: boot variant '{variant}' does not go with architecture i386; "
            'write variants = ["i386-pc"] in [boot]'
            for variant in ("secure-boot", "x86_64-efi")
        ],
    ),
    # login
    (
        '[login]\nroot_password_hash = "secret"',
        [f"3:22: root_password_hash is no crypt(5) hash that is strong enough; {MKPASSWD}"],
    ),
    (
        '[login]\nssh_keys = ["""-----BEGIN OPENSSH PRIVATE KEY-----\nsecret"""]',
        [f"3:13: this is a private key; {PUBLIC_KEY}"],
    ),
    (
        '[login]\nssh_keys = ["secret"]',
        [f"3:13: this ssh key does not start with a key type that sshd knows; {PUBLIC_KEY}"],
    ),
    # mirrors
    *(
        (
            f'[debian]\n{key} = "https://{user}@mirror.example/debian"',
            [
                f"3:{len(key) + 4}: debian.{key} has a user in it, and every release publishes its recipe; write "
                "'https://mirror.example/debian', and user and password into the file that NFSROOT_APT_AUTH names "
                "(apt_auth.conf(5))"
            ],
        )
        for key, user in (("mirror", "me:secret"), ("mirror", "token"), ("security_mirror", "me:secret@x"))
    ),
]


@pytest.mark.parametrize(("text", "mistakes"), MISTAKES, ids=[text for text, _ in MISTAKES])
def test_mistake(mistakes_of: Callable[[str], list[str]], text: str, mistakes: list[str]) -> None:
    """Each rule says where its mistake is, what it is and how to put it right, and says nothing else."""
    assert mistakes_of(text) == [f"recipes/mine.toml:{mistake}" for mistake in mistakes]


def test_secrets_are_not_echoed(mistakes_of: Callable[[str], list[str]]) -> None:
    """A password that was written in place of its hash does not reach a log."""
    text = "[login]\nroot_password_hash = 'hunter2'\nssh_keys = ['-----BEGIN RSA PRIVATE KEY----- hunter2']"
    assert not any("hunter2" in mistake for mistake in mistakes_of(text))


@pytest.mark.parametrize("url", ["http://me:hunter2@mirror.example/debian", "http://me:hunter2@mirror.example/a b"])
def test_password_of_a_mirror_is_not_echoed(mistakes_of: Callable[[str], list[str]], url: str) -> None:
    """A mirror with a password in it is refused, whatever else is wrong with it, and the password is not shown."""
    (mistake,) = mistakes_of(f"[debian]\nmirror = '{url}'")
    assert "hunter2" not in mistake
    assert "mirror.example" in mistake


def test_rules_of_an_inherited_value_point_to_its_file(mistakes_of: Callable[[str], list[str]]) -> None:
    """A value that is wrong only together with another is shown where it was written."""
    assert mistakes_of('[root]\naccess = "rw"\nwritable = [{path = "/etc", kind = "tmpfs"}]')[1].startswith(
        "recipes/mine.toml:4:21: "
    )
