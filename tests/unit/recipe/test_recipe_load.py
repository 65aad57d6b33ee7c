from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from recipe_project import BASE, CLUSTER, Project

from builder.errors import InputError
from builder.recipe.choices import Access, Variant
from builder.recipe.load import load
from builder.recipe.search import SearchPath

CHECKOUT = Path(__file__).parents[3]
SHIPPED = SearchPath(recipes=(CHECKOUT / "recipes",), elements=(CHECKOUT / "elements",))


def test_recipe_by_name_and_by_path(project: Project) -> None:
    """A recipe is the same whether it is given by its name or by its file."""
    assert project.load("base") == project.load("recipes/base.toml")


def test_unknown_name_is_the_users_mistake(project: Project) -> None:
    """A misspelt recipe gets a suggestion; exit status 2."""
    with pytest.raises(InputError) as caught:
        project.load("bsae")
    assert str(caught.value) == "there is no recipe 'bsae'\ndid you mean 'base'?"
    assert caught.value.exit_status == 2


def test_unknown_file_is_the_users_mistake(project: Project) -> None:
    """A path that leads nowhere is said to."""
    with pytest.raises(InputError, match=r"there is no recipe file none/x\.toml"):
        project.load("none/x.toml")


@pytest.mark.parametrize("name", ["debian-nfsroot", "kerrighed"])
def test_two_loads_are_equal(name: str) -> None:
    """Loading reads nothing but the files: the same files give an equal recipe."""
    assert load(name, SHIPPED) == load(name, SHIPPED)


@pytest.mark.parametrize("name", ["debian-nfsroot", "kerrighed"])
def test_dump_names_no_path_of_this_machine(name: str) -> None:
    """What goes into a manifest does not tell where the checkout stands."""
    dump = json.dumps(load(name, SHIPPED).model_dump(mode="json"))
    assert str(CHECKOUT) not in dump
    assert f'"{load(name, SHIPPED).files[0].name}"' in dump


def test_dump_keeps_the_password_hash_secret_but_tells_of_a_change(project: Project) -> None:
    """Manifests are public: a password's hash must not be in them, yet another password must show."""
    dumps = []
    for salt in ("abcdefgh", "abcdefgi"):
        secret = f"$6${salt}$" + "x" * 86
        project.write("recipes/mine.toml", f'extends = "base"\n[login]\nroot_password_hash = "{secret}"\n')
        recipe = project.load()
        assert recipe.login.root_password_hash == secret
        dumps.append(recipe.model_dump_json())
        assert secret not in dumps[-1]
    assert dumps[0] != dumps[1]


def test_debian_nfsroot_is_the_pages_base_system() -> None:
    """The base recipe has a read-only root; /var is each node's own, /root and /home outlive releases too."""
    recipe = load("debian-nfsroot", SHIPPED)
    assert (recipe.root.path, recipe.root.access) == ("/NFSROOT/debian-nfsroot", Access.READ_ONLY)
    assert [(entry.path, entry.kind.value) for entry in recipe.root.writable] == [
        ("/tmp", "tmpfs"),
        ("/var", "node"),
        ("/root", "persistent"),
        ("/home", "persistent"),
    ]
    assert recipe.kerrighed is None
    assert {"debian-root", "nfsroot", "initramfs-nfs", "nfsbooted"} <= {element.name for element in recipe.elements}


def test_kerrighed_is_one_read_write_export() -> None:
    """The Kerrighed recipe replaces the writable directories by a writable root and adds its element."""
    recipe = load("kerrighed", SHIPPED)
    assert (recipe.image.name, recipe.root.path) == ("kerrighed", "/NFSROOT/kerrighed")
    assert (recipe.root.access, recipe.root.writable) == (Access.READ_WRITE, ())
    assert recipe.kerrighed and recipe.kerrighed.session_id == 1
    assert recipe.elements[-1].name == "kerrighed"
    assert set(recipe.debian.packages) == set(load("debian-nfsroot", SHIPPED).debian.packages)


def test_mycluster_is_the_pages_cluster() -> None:
    """Four nodes ssi1 to ssi4 at .101 to .104, with locally administered MAC addresses."""
    cluster = load("kerrighed", SHIPPED).cluster
    assert (cluster.name, cluster.domain, str(cluster.subnet)) == ("mycluster", "mycluster.home", "192.168.0.0/24")
    assert (cluster.server.name, str(cluster.server.address)) == ("nfsserver", "192.168.0.1")
    assert [(node.name, str(node.address), node.ordinal) for node in cluster.nodes] == [
        (f"ssi{number}", f"192.168.0.{100 + number}", number) for number in range(1, 5)
    ]
    assert all(int(node.mac[:2], 16) & 2 for node in cluster.nodes)


def test_image_is_called_after_its_file(project: Project) -> None:
    """Without [image] name the release has the recipe's name, not that of what it extends."""
    project.write("recipes/mine.toml", 'extends = "base"\n')
    assert project.load().image.name == "mine"


def test_cluster_in_the_recipe(project: Project) -> None:
    """A table [cluster] takes the place of an inherited file and is called after the recipe."""
    table = CLUSTER.replace("[server]", "[cluster.server]").replace("[[nodes]]", "[[cluster.nodes]]")
    project.write("recipes/mine.toml", f'extends = "base"\n[cluster]\n{table}')
    cluster = project.load().cluster
    assert (cluster.name, len(cluster.nodes)) == ("mine", 2)


def test_files_are_the_recipe_its_ancestors_and_its_cluster(project: Project) -> None:
    """Every file that was read is named, the recipe first."""
    project.write("recipes/mine.toml", 'extends = "base"\n')
    names = ["recipes/mine.toml", "recipes/base.toml", "recipes/clusters/small.toml"]
    assert project.load().files == tuple(map(Path, names))


def test_files_have_those_of_mac_addresses(project: Project) -> None:
    """A file of MAC addresses is named, too, relative to the file that names it, or to the recipe with the cluster."""
    listed = 'macs = ["52:54:00:00:01:01", "52:54:00:00:01:02"]'
    cluster = CLUSTER.replace(listed, 'macs_file = "macs.csv"')
    table = cluster.replace("[server]", "[cluster.server]").replace("[[nodes]]", "[[cluster.nodes]]")
    for directory in ("recipes", "recipes/clusters"):
        project.write(f"{directory}/macs.csv", "52:54:00:00:01:01\n52:54:00:00:01:02\n")
    project.write("recipes/clusters/small.toml", cluster)
    project.write("recipes/mine.toml", 'extends = "base"\n')
    assert project.load().files[-1] == Path("recipes/clusters/macs.csv")
    project.write("recipes/mine.toml", f'extends = "base"\n[cluster]\n{table}')
    assert project.load().files[-1] == Path("recipes/macs.csv")


@pytest.mark.parametrize(
    ("variants", "uefi"),
    [
        ('["i386-pc", "x86_64-efi"]', Variant.X86_64_EFI),
        ('["x86_64-efi", "secure-boot"]', Variant.SECURE_BOOT),
    ],
)
def test_uefi_loader_follows_the_variants(project: Project, variants: str, uefi: Variant) -> None:
    """Without boot.uefi, UEFI clients get the best loader that is made."""
    project.write("recipes/mine.toml", f'extends = "base"\n[boot]\nvariants = {variants}\n')
    assert project.load().boot.uefi is uefi


def test_variables_have_the_recipes_value_or_the_default(project: Project) -> None:
    """A variable is the element's default until a recipe, or the recipe above, sets it."""
    variables = "".join(
        f'[variables.{name}]\ntype = "integer"\ndefault = 1\ndoc = "A number"\n' for name in ("ONE", "TWO", "THREE")
    )
    project.element("tuned", f'description = "x"\n{variables}')
    project.write(
        "recipes/middle.toml", 'extends = "base"\nelements = ["tuned"]\nvariables.tuned = {ONE = 2, TWO = 2}\n'
    )
    project.write("recipes/mine.toml", 'extends = "middle"\n[variables.tuned]\nTWO = 3\n')
    assert project.load().variables == {"base": {}, "tuned": {"ONE": 2, "TWO": 3, "THREE": 1}}


def test_mistakes_of_all_files_at_once(project: Project) -> None:
    """A recipe, what it extends, its cluster, its MAC addresses and its elements: one report."""
    project.element("base", "descripton = 'x'\n")
    project.write("recipes/middle.toml", 'extends = "base"\n[debian]\nsuite = 1\n')
    project.write("recipes/mine.toml", 'extends = "middle"\ncluster = "c.toml"\n[root]\npaht = "/x"\n')
    project.write(
        "recipes/c.toml",
        CLUSTER.replace("ssi[1-2]", "ssi[1-").replace(
            'macs = ["52:54:00:00:01:01", "52:54:00:00:01:02"]', 'macs_file = "m.csv"'
        ),
    )
    project.write("recipes/m.csv", "52:54:00:00:01:01\nzz\n")
    assert project.mistakes() == [
        'elements/base/element.toml: description is missing; write description = "..."',
        "elements/base/element.toml:1:1: unknown key 'descripton'; did you mean 'description'?",
        "recipes/c.toml:9:9: names: 'ssi[1-' is no range; write for example names = \"node[001-100]\"",
        "recipes/m.csv:2:1: 'zz': no MAC address; "
        "write its twelve hexadecimal digits, such as 52:54:00:12:34:56 or 5254.0012.3456",
        "recipes/middle.toml:3:9: debian.suite must be a string, not an integer; put it in double quotes",
        "recipes/mine.toml:4:1: unknown key 'paht'; did you mean 'path'?",
    ]


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ('elements = ["bsae"]', "2:13: there is no element 'bsae'; did you mean 'base'?"),
        (
            'cluster = "clusters/none.toml"',
            "2:11: there is no cluster file 'clusters/none.toml'; "
            "write a path relative to this file or to a directory of recipes",
        ),
        (
            "cluster = 3",
            '2:11: cluster must be a file or a table, not an integer; write cluster = "clusters/NAME.toml"',
        ),
        ("[variables.bsae]\nX = 1", "2:12: 'bsae' is no element of this recipe; did you mean 'base'?"),
        ("[variables.base]\nX = 1", "3:1: element 'base' has no variable 'X'; there are no variables of base"),
    ],
)
def test_mistake_between_files(mistakes_of: Callable[[str], list[str]], text: str, mistake: str) -> None:
    """What a recipe names must be there."""
    assert mistakes_of(text) == [f"recipes/mine.toml:{mistake}"]


@pytest.mark.parametrize(
    ("value", "mistake"),
    [
        ('SIZE = "3"', "3:8: SIZE must be an integer, not a string; write it without quotes, point or fraction"),
        ("SIZE = true", "3:8: SIZE must be an integer, not a boolean; write it without quotes, point or fraction"),
        ("SIZE = 1.5", "3:8: SIZE must be an integer, not a fraction; write it without quotes, point or fraction"),
        ("MODE = 3", "3:8: MODE must be a string, not an integer; put it in double quotes"),
        ("MODE = [1]", "3:8: MODE must be a string, not a list; put it in double quotes"),
        ("MODE = 1979-05-27", "3:8: MODE must be a string, not a date or time; put it in double quotes"),
        ('MODE = "a\\nb"', "3:8: MODE holds a control character; write it in one line"),
        ("ON = 1", "3:6: ON must be a boolean, not an integer; write true or false without quotes"),
        ("MOED = 1", "3:1: element 'tuned' has no variable 'MOED'; did you mean 'MODE'?"),
    ],
)
def test_mistaken_variable(project: Project, value: str, mistake: str) -> None:
    """A variable has the type that its element declares."""
    project.element(
        "tuned",
        'description = "x"\n'
        '[variables]\nSIZE = {type = "integer", default = 3, doc = "d"}\n'
        'MODE = {type = "string", default = "a", doc = "d"}\nON = {type = "boolean", default = true, doc = "d"}\n',
    )
    project.write("recipes/mine.toml", f'extends = "base"\nvariables.tuned.{value}\nelements = ["tuned"]\n')
    line, column, rest = mistake.split(":", 2)
    at = 1 + len("variables.tuned.") if column == "1" else int(column) + len("variables.tuned.")
    assert project.mistakes() == [f"recipes/mine.toml:{int(line) - 1}:{at}:{rest}"]


def test_recipes_stand_in_directories_of_their_own(project: Project) -> None:
    """Without root.path, a release stands below /NFSROOT/NAME, so that recipes that extend one base never meet."""
    project.write("recipes/base.toml", BASE.replace('path = "/NFSROOT/debian"', ""))
    project.write("recipes/mine.toml", 'extends = "base"')
    project.write("recipes/yours.toml", 'extends = "base"')
    paths = [load(name, project.search).root.path for name in ("mine", "yours")]
    assert paths == ["/NFSROOT/mine", "/NFSROOT/yours"]


def test_recipe_without_anything(project: Project) -> None:
    """An empty recipe is told everything that it lacks."""
    project.write("recipes/mine.toml", "")
    assert project.mistakes() == [
        'recipes/mine.toml: cluster is missing; write cluster = "clusters/NAME.toml", or a table [cluster]',
        'recipes/mine.toml: no elements to build a tree from; write extends = "debian-nfsroot", or elements = [...]',
    ]


def test_file_that_cannot_name_a_release(project: Project) -> None:
    """A file name with signs that a release cannot have asks for a name."""
    project.write("recipes/My Image.toml", 'extends = "base"\n')
    assert project.mistakes("recipes/My Image.toml") == [
        "recipes/My Image.toml: 'My Image' is no release's name; "
        'write name = "..." in [image] with lower-case letters, digits, dots and hyphens, a letter or digit first'
    ]


def test_ten_thousand_nodes(project: Project) -> None:
    """A large cluster is loaded whole, MAC addresses from a file included."""
    macs = (f"n{number:05},52:54:00:00:{number >> 8:02x}:{number & 255:02x}" for number in range(1, 10_001))
    project.write("recipes/macs.csv", "\n".join(["name,mac", *macs]))
    project.write(
        "recipes/mine.toml",
        'extends = "base"\n[cluster]\ndomain = "big.home"\nsubnet = "10.0.0.0/16"\n'
        'server = {name = "server", address = "10.0.255.1"}\n[[cluster.nodes]]\nnames = "n[00001-10000]"\n'
        'addresses = "10.0.[0-39].[1-250]"\nmacs_file = "macs.csv"\n',
    )
    nodes = project.load().cluster.nodes
    assert (nodes[9_999].name, str(nodes[9_999].address), nodes[9_999].mac) == (
        "n10000",
        "10.0.39.250",
        "52:54:00:00:27:10",
    )


def test_models_come_without_the_loaders_libraries() -> None:
    """Whoever only needs the resolved recipe does not wait for ClusterShell and tomli."""
    code = "import sys, builder.recipe.models; print({'ClusterShell', 'tomli'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("", None),
        ('[logs]\nserver = "cluster"\n', "192.168.0.1"),
        ('[logs]\nserver = "10.9.8.7"\n', "10.9.8.7"),
    ],
)
def test_log_server_is_an_address(project: Project, text: str, address: str | None) -> None:
    """The word "cluster" stands for the cluster's own server; nodes that send what they log have rsyslog."""
    project.write("recipes/mine.toml", f'extends = "base"\n{text}')
    recipe = project.load()
    assert recipe.logs.server == (IPv4Address(address) if address else None)
    assert recipe.needs_log_server == (address == str(recipe.cluster.server.address))
    assert ("rsyslog" in recipe.packages) == (address is not None)


@pytest.mark.parametrize("value", ['"log.example"', '"10.0.0.256"', '"fe80::1"', '"10.0.0"', "true", '"010.0.0.1"'])
def test_log_server_is_no_other_word(mistakes_of: Callable[[str], list[str]], value: str) -> None:
    """A host name would have to be looked up by rsyslogd, and by the kernel, which cannot."""
    (mistake,) = mistakes_of(f"[logs]\nserver = {value}\n")
    assert "logs.server" in mistake
