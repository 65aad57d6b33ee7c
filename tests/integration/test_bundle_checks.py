"""The checks of a server bundle, by the checkers of the builder image."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from layouts import layout_of
from step_contexts import release_context_of

from builder.cache import Cache
from builder.container import image as builder_image
from builder.container.sandbox import Sandbox
from builder.errors import NfsrootError
from builder.parallel import crew
from builder.recipe.choices import Transport
from builder.recipe.load import load
from builder.recipe.search import SearchPath
from builder.rendered_files import RenderedFile
from builder.server import bundle, checks

pytestmark = pytest.mark.container

SHIPPED = load("kerrighed", SearchPath.default(Path(__file__).parents[2]))
RECIPE = SHIPPED.model_copy(update={"boot": SHIPPED.boot.model_copy(update={"transport": Transport.HTTP})})
"""A recipe whose bundle has settings of every server, that for HTTP among them."""

BROKEN = {
    "etc/dhcp/dhcpd.conf": ("dhcpd", "option no-such-option 1;", "no-such-option"),
    "etc/kea/kea-dhcp4.conf": ("kea-dhcp4", "}", "syntax error"),
    "etc/dnsmasq.d/nfsroot-dhcp.conf": ("dnsmasq", "dhcp-rage=1", "bad option at line"),
    "etc/nginx/conf.d/nfsroot.conf": ("nginx", "auto_index on;", "unknown directive"),
    "srv/tftp/grub/grub.cfg": ("grub-script-check", "if true; then", "syntax error"),
    "srv/tftp/grub/default.cfg": ("grub-script-check", "}", "syntax error"),
    "srv/tftp/grub/ssi1.cfg": ("grub-script-check", "fi", "syntax error"),
}
"""A file, the checker that reads it, a line that breaks it, and words of the checker about that."""


def check(files: tuple[RenderedFile, ...], cache: Cache, scratch: Path) -> list[str]:
    """Run the checks in the builder image; what they said."""
    said: list[str] = []
    image = builder_image.ensure(cache, said.append)
    with crew(1) as aside:
        context = release_context_of(layout_of(RECIPE), Sandbox(), scratch, aside, image=image, on_line=said.append)
        checks.check(context, files)
    return said


def test_what_is_shipped_passes(cache: Cache, tmp_path: Path) -> None:
    """Every checker reads its settings and finds nothing."""
    assert "dnsmasq: syntax check OK." in check(bundle.render(layout_of(RECIPE)), cache, tmp_path)


@pytest.mark.parametrize("path", BROKEN)
def test_broken_file_is_named(path: str, cache: Cache, tmp_path: Path) -> None:
    """A file that its program would refuse stops the build, with the program's own words."""
    program, line, words = BROKEN[path]
    files = tuple(
        replace(file, content=file.content + f"{line}\n".encode()) if file.path == path else file
        for file in bundle.render(layout_of(RECIPE))
    )
    with pytest.raises(NfsrootError) as caught:
        check(files, cache, tmp_path)
    assert caught.value.brief.startswith(f"{program} rejects ")
    assert words in caught.value.details
