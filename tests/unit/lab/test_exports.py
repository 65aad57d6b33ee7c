from __future__ import annotations

import pytest

from builder.errors import InputError
from builder.lab.exports import Export, Squash, parse
from builder.lab.ganesha import configuration

NETWORK = "192.168.0.0/24"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("/srv 192.168.0.0/24", Export("/srv", NETWORK)),
        ("/srv 192.168.0.0/24()", Export("/srv", NETWORK)),
        ("/srv 192.168.0.0/24(rw,async)", Export("/srv", NETWORK, read_write=True)),
        ("/srv 192.168.0.0/24(ro,fsid=0,no_root_squash)", Export("/srv", NETWORK, squash=Squash.NONE)),
        ('"/srv/a b" ssi1(all_squash)', Export("/srv/a b", "ssi1", squash=Squash.ALL)),
        ("/srv \\\n  ssi1(rw)  # the first node", Export("/srv", "ssi1", read_write=True)),
    ],
)
def test_a_line_is_one_export(line: str, expected: Export) -> None:
    """Options and their defaults mean what exports(5) says: read-only, root squashed."""
    assert parse(line) == (expected,)


def test_a_line_has_an_export_for_each_client() -> None:
    """Each client has its own options."""
    assert parse("/srv a(rw) b(ro)\n") == (Export("/srv", "a", read_write=True), Export("/srv", "b"))


def test_comments_and_empty_lines_export_nothing() -> None:
    """A file of comments is empty."""
    assert parse("# generated\n\n   \n") == ()


@pytest.mark.parametrize("line", ["/srv", "srv a(ro)", "/srv a(ro", "/srv a(r0)", "/srv a(sync_all)"])
def test_a_wrong_line_is_refused(line: str) -> None:
    """What exports(5) does not allow is an error, never an export of something else."""
    with pytest.raises(InputError):
        parse(line)


def test_ganesha_gives_access_to_clients_only() -> None:
    """A directory is one EXPORT block that gives nobody access but its clients, each as its options say."""
    text = configuration(parse("/n/b 10.0.0.0/8(rw,no_root_squash)\n/n 10.0.0.0/8(ro) 10.1.0.0/16(rw)"))
    assert text.count("EXPORT {") == 2
    assert text.count("Access_Type = None;") == 2
    first, second = text.split("EXPORT {")[1:]
    assert 'Export_Id = 1;\n    Path = "/n";\n    Pseudo = "/n";' in first
    assert "Clients = 10.0.0.0/8; Access_Type = RO; Squash = Root_Squash;" in first
    assert "Clients = 10.1.0.0/16; Access_Type = RW; Squash = Root_Squash;" in first
    assert 'Path = "/n/b"' in second
    assert "Clients = 10.0.0.0/8; Access_Type = RW; Squash = No_Root_Squash;" in second
