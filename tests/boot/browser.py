"""Debian's chromium without a network: what a page looks like to a person."""

from __future__ import annotations

import subprocess
from pathlib import Path

BROWSER = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
BROWSER += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
BROWSER += ["--hide-scrollbars", "--force-device-scale-factor=1", "--enable-logging=stderr"]
ALONE = ["bwrap", "--dev-bind", "/", "/", "--unshare-net", "--unshare-pid", "--die-with-parent", "--proc", "/proc"]


def take_picture(page: Path, width: int, height: int, *, dark: bool = False) -> bytes:
    """A picture of the page's beginning as a PNG file, of so many pixels; the browser has nothing to complain about."""
    shot, profile = page.with_name(f"shot-{width}-{dark}.png"), page.with_name("profile")
    scheme = ["--blink-settings=preferredColorScheme=0" if dark else "--blink-settings=preferredColorScheme=1"]
    size = [f"--window-size={width},{height}", f"--user-data-dir={profile}", f"--screenshot={shot}", page.as_uri()]
    command = [*ALONE, *BROWSER, *scheme, *size]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert shot.exists(), done.stderr
    assert "CONSOLE" not in done.stderr
    return shot.read_bytes()
