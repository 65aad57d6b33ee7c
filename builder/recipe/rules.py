"""The rules of a recipe that compare several values, or need more than the form of one."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from builder.errors import Problem
from builder.recipe.choices import Access, RootKind, RootTransport, Variant, WritableKind
from builder.recipe.credentials import is_password_hash, ssh_key_mistake
from builder.recipe.document import Document
from builder.recipe.element_models import Element
from builder.recipe.input_models import RecipeInput
from builder.urls import without_users

_TOP = ("bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "run", "sbin", "sys", "usr")
SYSTEM_DIRECTORIES = frozenset({"/", *(f"/{name}" for name in _TOP)})
"""The directories that the tree itself or the running kernel fills."""

_GREATEST_LEVELS = {"zstd": 19, "gzip": 9, "xz": 9, "lz4": 12}
_VARIANTS_OF = {"i386": (Variant.I386_PC,)}
_ARGUMENT_KEYS = {
    "root": "leave it out, every menu has it",
    "nfsroot": "leave it out, every menu has it",
    "ip": "leave it out, every menu has it",
    "BOOTIF": "leave it out, every menu has it",
    "ro": "set root.access instead",
    "rw": "set root.access instead",
    "session_id": "set kerrighed.session_id instead",
    "node_id": "set kerrighed.node_ids instead",
}
_ARGUMENTS_BYTES = 1536
"""The greatest length, in bytes, of a recipe's kernel arguments.

Linux takes 2047 on x86 (COMMAND_LINE_SIZE is 2048, with the byte that ends the text); the rest is for a menu's own.
"""


def recipe_problems(recipe: RecipeInput, document: Document) -> Iterator[Problem]:
    """Yield the mistakes of a recipe that do not depend on its cluster."""
    yield from _root(recipe, document)
    yield from _image(recipe, document)
    yield from _writable(recipe, document)
    yield from _state(recipe, document)
    yield from _arguments(recipe, document)
    yield from _compression(recipe, document)
    yield from _boot(recipe, document)
    yield from _login(recipe, document)
    yield from _mirrors(recipe, document)
    yield from _accounts(recipe, document)


def secret_problems(recipe: RecipeInput, document: Document, elements: tuple[Element, ...]) -> Iterator[Problem]:
    """Yield a problem for each element that brings secrets into an image that everybody may fetch."""
    if recipe.root.transport is not RootTransport.HTTP:
        return
    for element in elements:
        if element.secrets:
            what = f"over HTTP everybody could fetch {', '.join(element.secrets)}, which element {element.name} brings"
            yield document.problem(("root", "transport"), what, 'write transport = "nfs", or leave that element out')


def _root(recipe: RecipeInput, document: Document) -> Iterator[Problem]:
    path = recipe.root.path
    if path is None:
        return
    if path in SYSTEM_DIRECTORIES:
        yield document.problem(("root", "path"), f"root.path is {path}, a system directory", "write /NFSROOT/...")
    else:
        yield from _not_normal(path, document, ("root", "path"))


def _image(recipe: RecipeInput, document: Document) -> Iterator[Problem]:
    root = recipe.root
    if root.kind is not RootKind.IMAGE:
        if root.transport is RootTransport.HTTP:
            what = "a tree of files cannot come over HTTP"
            yield document.problem(("root", "transport"), what, 'write kind = "image", or transport = "nfs"')
        return
    if root.access is Access.READ_WRITE:
        what = "nobody writes to an image: what a node writes to its root stays in its memory"
        yield document.problem(("root", "access"), what, 'leave it out, or write kind = "directory"')
    if root.writable:
        where = document.at(("root", "writable"))
        what = f"nodes may write everywhere in a root image, yet directories are listed at {where}"
        yield document.problem(("root", "kind"), what, 'write writable = [], or kind = "directory"')


def _writable(recipe: RecipeInput, document: Document) -> Iterator[Problem]:
    writable = recipe.root.writable
    if writable and recipe.root.access is Access.READ_WRITE:
        what = f"the root is writable as a whole, yet directories are listed at {document.at(('root', 'writable'))}"
        yield document.problem(("root", "access"), what, 'write writable = [], or access = "ro"')
    for index, directory in enumerate(writable):
        place = ("root", "writable", index)
        path = directory.path
        if path in SYSTEM_DIRECTORIES or path.startswith(("/proc/", "/sys/", "/dev/", "/run/")):
            yield document.problem((*place, "path"), f"{path} cannot be made writable", "leave it out")
        yield from _not_normal(path, document, (*place, "path"))
        if directory.size_mib and directory.kind is not WritableKind.TMPFS:
            what = f"size_mib is for a tmpfs, and this directory is of kind {directory.kind}"
            yield document.problem((*place, "size_mib"), what, "leave it out", key=True)
        for earlier, other in enumerate(writable[:index]):
            yield from _overlap(path, other.path, document, index, earlier)


def _state(recipe: RecipeInput, document: Document) -> Iterator[Problem]:
    """Yield the mistakes in `root.state` and `root.isolate`.

    In the directory of releases, state may only be called `state`, since no version has this name.
    """
    root = recipe.root
    if root.state is not None:
        place, releases = ("root", "state"), root.path or f"/NFSROOT/{recipe.image.name or document.file.stem}"
        parent, _, name = root.state.rpartition("/")
        if root.state in SYSTEM_DIRECTORIES:
            what = f"root.state is {root.state}, a system directory"
            yield document.problem(place, what, "write a directory for state alone")
        elif root.state == releases or (parent == releases and name != "state"):
            what = f"root.state is {root.state}, where a release may stand"
            yield document.problem(place, what, f"write {releases}/state, or a directory that is not in {releases}")
        else:
            yield from _not_normal(root.state, document, place)
    if root.isolate and not any(directory.kind is WritableKind.NODE for directory in root.writable):
        what = 'isolate is for directories of kind "node", and there is none'
        yield document.problem(("root", "isolate"), what, "leave it out", key=True)


def _overlap(path: str, other: str, document: Document, index: int, earlier: int) -> Iterator[Problem]:
    where = document.at(("root", "writable", earlier, "path"))
    if path == other:
        what, fix = f"{path} is listed already at {where}", "keep one of them"
    elif path.startswith(f"{other}/") or other.startswith(f"{path}/"):
        what, fix = f"{path} and {other} at {where} lie in one another", "keep the outer one"
    else:
        return
    yield document.problem(("root", "writable", index, "path"), what, fix)


def _not_normal(path: str, document: Document, place: tuple[str | int, ...]) -> Iterator[Problem]:
    normal = "/" + posixpath.normpath(path).lstrip("/")
    if path != normal:
        yield document.problem(place, f"{path} is not the shortest form of the path", f"write {normal}")


def _arguments(recipe: RecipeInput, document: Document) -> Iterator[Problem]:
    for index, argument in enumerate(recipe.kernel.arguments):
        fix = _ARGUMENT_KEYS.get(argument.lstrip('"').partition("=")[0])
        if fix:
            yield document.problem(("kernel", "arguments", index), f"'{argument}' is set by nfsroot itself", fix)
    size = sum(len(argument) + 1 for argument in recipe.kernel.arguments)
    if size > _ARGUMENTS_BYTES:
        fix = f"write {_ARGUMENTS_BYTES} at most: GRUB drops what goes beyond the kernel's 2047, nfsroot's own included"
        yield document.problem(("kernel", "arguments"), f"the arguments have {size} characters together", fix)


def _compression(recipe: RecipeInput, document: Document) -> Iterator[Problem]:
    initramfs = recipe.initramfs
    greatest = _GREATEST_LEVELS[initramfs.compression]
    if initramfs.compression_level > greatest:
        path = ("initramfs", "compression_level")
        what = f"{initramfs.compression} has no level {initramfs.compression_level}"
        yield document.problem(path, what, f"write compression_level = {greatest} or less")


def _boot(recipe: RecipeInput, document: Document) -> Iterator[Problem]:
    boot, architecture = recipe.boot, recipe.debian.architecture
    if not boot.variants and not document.has_dropped(("boot", "variants")):
        yield document.problem(("boot", "variants"), "no boot loader at all", 'write variants = ["i386-pc"]')
    if boot.uefi is Variant.I386_PC:
        fix = 'write "x86_64-efi" or "secure-boot"'
        yield document.problem(("boot", "uefi"), "i386-pc is for BIOS, not for UEFI", fix)
    elif "uefi" in boot.model_fields_set and boot.uefi not in boot.variants:
        fix = f'add "{boot.uefi}" to boot.variants'
        yield document.problem(("boot", "uefi"), f"'{boot.uefi}' is not among boot.variants", fix)
    possible = _VARIANTS_OF.get(architecture, tuple(Variant))
    for index, variant in enumerate(boot.variants):
        if variant not in possible:
            written = ("boot", "variants", index)
            place = written if written in document.marks else ("debian", "architecture")
            fix = "write " + " or ".join(f'variants = ["{name}"]' for name in possible) + " in [boot]"
            what = f"boot variant '{variant}' does not go with architecture {architecture}"
            yield document.problem(place, what, fix)


def _mirrors(recipe: RecipeInput, document: Document) -> Iterator[Problem]:
    """Yield a problem for each mirror's URL with a user, which releases would publish; the message hides the user."""
    for key in ("mirror", "security_mirror"):
        url = getattr(recipe.debian, key)
        if url and url != without_users(url):
            what = f"debian.{key} has a user in it, and every release publishes its recipe"
            fix = f"write '{without_users(url)}', and user and password into the file that NFSROOT_APT_AUTH names"
            yield document.problem(("debian", key), what, f"{fix} (apt_auth.conf(5))")


def _accounts(recipe: RecipeInput, document: Document) -> Iterator[Problem]:
    names: dict[int, str] = {}
    for name, number in recipe.debian.accounts.items():
        if number in names:
            what = f"{names[number]} and {name} cannot both have the number {number}"
            yield document.problem(("debian", "accounts", name), what, "give one of them another number")
        names.setdefault(number, name)


def _login(recipe: RecipeInput, document: Document) -> Iterator[Problem]:
    password = recipe.login.root_password_hash
    if password is not None and not is_password_hash(password):
        yield document.problem(
            ("login", "root_password_hash"),
            "root_password_hash is no crypt(5) hash that is strong enough",
            "write the output of `mkpasswd --method=yescrypt`, never the password itself",
        )
    elif password is not None and recipe.root.transport is RootTransport.HTTP:
        where = document.at(("root", "transport"))
        what = f"over HTTP ({where}) everybody in the cluster's network could fetch the hash, users of nodes included"
        yield document.problem(("login", "root_password_hash"), what, 'use ssh_keys, or transport = "nfs"')
    for index, key in enumerate(recipe.login.ssh_keys):
        mistake = ssh_key_mistake(key)
        if mistake:
            yield document.problem(
                ("login", "ssh_keys", index), mistake, "write one line of an id_....pub file: type, key and comment"
            )
