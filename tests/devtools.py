"""Debian's chromium without a network, asked by the DevTools protocol over pipes (`--remote-debugging-pipe`)."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LEAST = 10
"""The least number of a file descriptor of ours: chromium reads commands from 3 and writes answers to 4."""

CHROMIUM = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
CHROMIUM += ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars"]
CHROMIUM += ["--disable-dev-shm-usage", "--remote-debugging-pipe"]
ALONE = ["bwrap", "--dev-bind", "/", "/", "--unshare-net", "--unshare-pid", "--die-with-parent", "--proc", "/proc"]

LEAST_TEXT, LEAST_CHART_TEXT = 13.0, 11.0
"""The smallest text of a page and of its chart, in CSS pixels."""

LEAST_CONTRAST = 4.5
"""Of text against its ground (WCAG 2.2, success criterion 1.4.3)."""

TEXTS = """(() => {
  const numbers = colour => (colour.match(/[\\d.]+/g) || []).map(Number);
  const light = part => (part /= 255) <= .04045 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4;
  const luminance = ([r, g, b]) => .2126 * light(r) + .7152 * light(g) + .0722 * light(b);
  const ground = element => {
    for (; element; element = element.parentElement) {
      const colour = numbers(getComputedStyle(element).backgroundColor);
      if (colour.length === 3) return colour;
    }
    throw new Error("there is no ground");
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement, style = getComputedStyle(element);
    if (!walker.currentNode.data.trim() || !element.getClientRects().length) continue;
    if (element.closest("script, style, title")) continue;
    const chart = element.closest("svg");
    const [one, other] = [luminance(numbers(style.color)), luminance(ground(element))];
    found.push({
      text: walker.currentNode.data.trim().slice(0, 40),
      size: parseFloat(style.fontSize) * (chart ? chart.getScreenCTM().a : 1),
      chart: Boolean(chart),
      contrast: (Math.max(one, other) + .05) / (Math.min(one, other) + .05),
      right: element.getBoundingClientRect().right,
    });
  }
  return found;
})()"""
"""Every text that is seen, with its size, its contrast, and the right edge of its element, all in CSS pixels."""


class Tab:
    """A page in the browser; `complaints` are what its console says of it: errors, refused scripts and styles."""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands, self._answers, self._number, self._session = commands, answers, 0, ""
        self._unread = b""
        self.complaints: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def show(self, page: Path, *, width: int, dark: bool = False, script: bool = True) -> None:
        """Load a page in a window of `width` CSS pixels and wait until it has loaded."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Emulation.setScriptExecutionDisabled", value=not script)
        answer = self.call("Page.navigate", url=page.as_uri())
        assert "errorText" not in answer, (page, answer)
        while self._next().get("method") != "Page.loadEventFired":
            pass

    def follow(self, link: str) -> None:
        """Click on the first element that a selector finds, and wait until the page to which it leads has loaded."""
        self.call("Runtime.evaluate", expression=f"document.querySelector({json.dumps(link)}).click()")
        while self._next().get("method") != "Page.loadEventFired":
            pass

    def ask(self, expression: str) -> Any:
        """The value of an expression of JavaScript in the page, whose policy does not bind it."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def picture(self, file: Path) -> None:
        """Write the whole page into a PNG file."""
        taken = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(taken["data"]))

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The result of a command of the protocol."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._number:
            pass
        assert "error" not in answer, (method, answer)
        result: dict[str, Any] = answer["result"]
        return result

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._unread:
            piece = os.read(self._answers, 1 << 20)
            assert piece, "the browser has ended"
            self._unread += piece
        text, _, self._unread = self._unread.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        if message.get("method") == "Log.entryAdded":
            self.complaints.append(message["params"]["entry"]["text"])
        if message.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(str(message["params"]["exceptionDetails"]))
        return message


@contextlib.contextmanager
def open_tab(directory: Path) -> Iterator[Tab]:
    """Start chromium with its profile and its log in `directory`."""
    read_commands, commands = _pipe()
    answers, write_answers = _pipe()
    through = ["bash", "-c", f'exec "$@" 3<&{read_commands} 4>&{write_answers}', "chromium"]
    argv = [*through, *ALONE, *CHROMIUM, f"--user-data-dir={directory / 'profile'}"]
    with (directory / "chromium.log").open("wb") as log:
        browser = subprocess.Popen(argv, stderr=log, stdout=log, pass_fds=(read_commands, write_answers))
        os.close(read_commands)
        os.close(write_answers)
        try:
            yield Tab(commands, answers)
        finally:
            browser.terminate()
            browser.wait(timeout=60)
            os.close(commands)
            os.close(answers)


def _pipe() -> tuple[int, int]:
    """A pipe whose ends have numbers that no command line redirects."""
    ends = os.pipe()
    moved = tuple(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, LEAST) for end in ends)
    for end in ends:
        os.close(end)
    return moved[0], moved[1]
