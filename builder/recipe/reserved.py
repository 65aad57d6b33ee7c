"""The names of environment variables that no element and no recipe may set, because the build itself uses them.

All hooks of a tree share the environment of diskimage-builder.  A variable of one of these names would change how the
build runs, and not what an element does.
"""

from __future__ import annotations

import re

_SHELL = """
    BASH BASHOPTS BASH_ENV CDPATH COLUMNS DIRSTACK ENV EUID FUNCNAME GLOBIGNORE GROUPS HISTFILE HOME HOSTNAME HOSTTYPE
    IFS LANG LANGUAGE LINENO LINES LOGNAME MACHTYPE MAIL MAILPATH OLDPWD OPTARG OPTERR OPTIND OSTYPE PATH PIPESTATUS
    PPID PS1 PS2 PS3 PS4 PWD RANDOM REPLY SECONDS SHELL SHELLOPTS SHLVL TERM TMOUT TMPDIR TZ UID USER
"""
"""The names to which bash(1), environ(7) and locale(7) give a meaning."""

_BUILD = """
    ACI_MANIFEST ARCH BLOCK_DEVICE_CONFIG_YAML BOOTDIR COMPRESS_IMAGE DIB_ARGS DIB_BLOCK_DEVICE
    DIB_BLOCK_DEVICE_PARAMS_YAML DIB_BOOT_LABEL DIB_ENV DIB_IMAGE_CACHE DIB_IMAGE_SIZE DIB_INIT_SYSTEM DIB_LOCKFILES
    DIB_MOUNTPOINTS DIB_NO_TIMESTAMP DIB_NO_TMPFS DIB_PYTHON_EXEC DIB_PYTHON_VERSION DIB_RELEASE DIB_ROOT_FSTYPE
    DIB_ROOT_LABEL DIB_RUN_PARTS DISTRO_NAME DOCKER_TARGET ELEMENTS_PATH EXTRA_DETACH EXTRA_OPTIONS EXTRA_UNMOUNT
    FS_TYPE IMAGE_BLOCK_DEVICE IMAGE_BLOCK_DEVICES IMAGE_BLOCK_DEVICE_WITHOUT_PART IMAGE_ELEMENT IMAGE_ELEMENT_YAML
    IMAGE_NAME IMAGE_TYPE IMAGE_TYPES INSTALL_PACKAGES IS_RAMDISK KERNEL KERNEL_VERSION LOGFILE LOOPDEV MKFS_OPTS
    ORIG_HOME OUT_IMAGE_PATH PROFILE_DIR RAMDISK RAM_NEEDED ROOT_LABEL SCRIPTNAME SKIP_BASE SOURCE_DATE_EPOCH
    TARGET_ROOT TEMP TMP_BUILD_DIR TMP_DIR TMP_HOOKS_PATH TMP_IMAGE_DIR TMP_IMAGE_PATH TMP_MOUNT_PATH
"""
"""The names that disk-image-create and its hooks read."""

_TAKEN = frozenset(f"{_SHELL}{_BUILD}".split())
_FAMILIES = re.compile(r"(?:BASH|DPKG|GIT|LC|LD|NFSROOT|PYTHON)_.*|PYTHON[A-Z]+|DEB(?:IAN_FRONTEND|CONF_.*)|APT_CONFIG")
"""The families of names of shell, locale, dynamic loader, git, Python, Debian's tools and nfsroot."""


def explain_reserved(name: str) -> str:
    """The reason why a variable of this name may not be set; empty when an element or a recipe may set it."""
    taken = name in _TAKEN or _FAMILIES.fullmatch(name)
    return "the build itself goes by this name" if taken else ""
