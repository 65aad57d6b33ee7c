"""Templates are compiled once: what jinja2 makes of one is kept beside it, and a changed one is compiled anew."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FILL = "from builder.templates import fill; print(fill('small', 'greeting', name='ssi1'))"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package with one template."""
    (tmp_path / "small/templates").mkdir(parents=True)
    (tmp_path / "small/__init__.py").touch()
    (tmp_path / "small/templates/greeting.j2").write_text("Hello {{ name }}")
    return tmp_path


def filled(package: Path, *options: str, code: str = FILL) -> str:
    """What a new process fills the template with; `options` are Python's."""
    command = [
        sys.executable,
        *options,
        "-c",
        f"import sys; sys.path.insert(0, {str(package)!r}); import small; {code}",
    ]
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env={})
    return run.stdout.strip()


def kept(package: Path) -> list[Path]:
    """The compiled templates."""
    return sorted((package / "small/templates").glob("__pycache__/*"))


def test_a_compiled_template_is_used_again(package: Path) -> None:
    """The second process takes what the first one kept, and does not compile."""
    assert filled(package) == "Hello ssi1"
    (compiled,) = kept(package)
    before = compiled.stat().st_ino, compiled.stat().st_mtime_ns
    no_compiler = "import jinja2; jinja2.Environment.compile = None; "
    assert filled(package, code=no_compiler + FILL) == "Hello ssi1"
    assert (compiled.stat().st_ino, compiled.stat().st_mtime_ns) == before


def test_a_changed_template_is_compiled_anew(package: Path) -> None:
    """What was kept of a template is not used for another text, even of the same size and time."""
    template = package / "small/templates/greeting.j2"
    filled(package)
    written = template.stat()
    template.write_text("Howdy {{ name }}")
    os.utime(template, ns=(written.st_atime_ns, written.st_mtime_ns))
    assert filled(package) == "Howdy ssi1"


def test_damaged_bytes_are_not_used(package: Path) -> None:
    """Of a file that was cut short the template is compiled anew."""
    filled(package)
    (compiled,) = kept(package)
    compiled.write_bytes(compiled.read_bytes()[:10])
    assert filled(package) == "Hello ssi1"


def test_nothing_is_written_when_python_is_told_so(package: Path) -> None:
    """python -B leaves no compiled template."""
    assert filled(package, "-B") == "Hello ssi1"
    assert not (package / "small/templates/__pycache__").exists()


def test_a_directory_that_cannot_be_made_costs_time_alone(package: Path) -> None:
    """Where a file stands in the way of the directory, templates are filled all the same."""
    (package / "small/templates/__pycache__").touch()
    assert filled(package) == "Hello ssi1"


def test_a_full_disk_costs_time_alone(package: Path) -> None:
    """When a compiled template cannot be written, the template is filled all the same and nothing is left."""
    fails = "lambda *_: open('/dev/full', 'wb', 0).write(b'x')"
    full_disk = f"import jinja2.bccache as cache; cache.Bucket.write_bytecode = {fails}; "
    assert filled(package, code=full_disk + FILL) == "Hello ssi1"
    assert kept(package) == []
