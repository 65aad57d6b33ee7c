"""The stores in the user's configuration, and their secrets."""

from __future__ import annotations

from pathlib import Path

import pytest
from site_authority import SiteAuthority

from builder.errors import InputError
from builder.store.secrets import access_from_netrc, access_of
from builder.store.settings import KEYS, SettingsError, StoreSettings, find_in_recipes, read_settings, settings_file
from builder.store.storage.access import ANONYMOUS, Access
from builder.store.storage.directory import DirectoryStorage
from builder.store.storage.http import HttpStorage
from builder.store.storage.open import is_short_name, open_store

PROJECT = Path(__file__).parents[3]
WHOLE = """\
[stores.site]
url = "https://store.example/nfsroot"
user = "ann"
password_file = "secrets/site"
ca_file = "~/ca.pem"

[stores.git_lab-1]
url = "https://gitlab.example/api/v4/projects/7/packages/generic/nfsroot/1"
token_env = "CI_JOB_TOKEN"
token_header = "JOB-TOKEN"

[stores.bucket]
url = "s3://releases/nfsroot"
user = "KEY"
password_env = "S3_SECRET"
endpoint = "https://s3.example"
region = "here-1"

[stores]
here = { url = "/srv/artifacts" }
registry = { url = "oci://127.0.0.1:5000/nfsroot", plain_http = true }
"""
NO_TABLE = "must be a table, not"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home directory with a configuration and its secret."""
    directory = tmp_path / ".config" / "nfsroot"
    (directory / "secrets").mkdir(parents=True)
    (directory / "config.toml").write_text(WHOLE)
    _write_secret(directory / "secrets" / "site", "pass word\nsecond line\n")
    return tmp_path


def _write_secret(file: Path, text: str, mode: int = 0o600) -> Path:
    file.write_text(text)
    file.chmod(mode)
    return file


def _environment(home: Path, **more: str) -> dict[str, str]:
    return {"HOME": str(home), "CI_JOB_TOKEN": "t0k3n", "S3_SECRET": "s3cr3t", **more}


def test_stores_by_name(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each table becomes credentials and addresses; paths are relative to the configuration."""
    monkeypatch.setenv("HOME", str(home))
    file = settings_file(_environment(home))
    stores = read_settings(file)
    access = {name: access_of(store, pytest.fail, _environment(home)) for name, store in stores.items()}
    assert access == {
        "site": Access(user="ann", secret="pass word", ca_file=home / "ca.pem"),
        "git_lab-1": Access(secret="t0k3n", header="JOB-TOKEN"),
        "bucket": Access(user="KEY", secret="s3cr3t", endpoint="https://s3.example", region="here-1"),
        "here": ANONYMOUS,
        "registry": Access(plain_http=True),
    }
    assert "s3cr3t" not in repr(access) and "pass word" not in repr(access)


def test_where_the_configuration_is(home: Path) -> None:
    """$XDG_CONFIG_HOME comes before ~/.config; without a file there are no stores."""
    assert settings_file({"HOME": "/home/ann"}) == Path("/home/ann/.config/nfsroot/config.toml")
    assert settings_file({"HOME": "/home/ann", "XDG_CONFIG_HOME": "/x"}) == Path("/x/nfsroot/config.toml")
    assert read_settings(home / "missing.toml") == {}


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("[stores.a\n", {"1:10": "not TOML"}),
        ("stores = 1\n", {"1:10": f"{NO_TABLE} an integer"}),
        ("[stores]\na = 'https://a'\n", {"2:5": f"{NO_TABLE} a string"}),
        ("[store.a]\nurl = '/a'\n", {"1:2": "unknown table 'store'"}),
        ("[stores.a]\nuser = 'u'\npassword_env = 'P'\n", {"1:9": "lacks url"}),
        ("[stores.'a/b']\nurl = '/a'\n", {"1:9": "made of letters"}),
        ("[stores.a]\nurl = 'somewhere'\n", {"2:7": "neither a URL nor an absolute path"}),
        ("[stores.a]\nurl = 1\nregion = ''\n", {"2:7": "must be a string, not an integer", "3:10": "is empty"}),
        ("[stores.a]\nurl = '/a'\nplain_http = 'yes'\n", {"3:14": "must be true or false, not a string"}),
        ("[stores.a]\nurl = '/a'\npasword_file = 'x'\n", {"3:1": "did you mean 'password_file'?"}),
        ("[stores.a]\nurl = '/a'\npassword = 'hidden'\n", {"3:1": "holds no secrets"}),
        ("[stores.a]\nurl = '/a'\nuser = 'u'\n", {"3:1": "needs a password"}),
        ("[stores.a]\nurl = '/a'\ntoken = 'hidden'\n", {"3:1": "name a file with token_file"}),
        ("[stores.a]\nurl = '/a'\npassword_file = 'x'\n", {"3:1": "a password needs a user"}),
        ("[stores.a]\nurl = '/a'\nuser = 'u'\ntoken_env = 'T'\n", {"3:1": "a token needs no user"}),
        ("[stores.a]\nurl = '/a'\ntoken_env = 'T'\ntoken_file = 'f'\n", {"4:1": "there is token_env as well"}),
        ("[stores.a]\nurl = '/a'\ntoken_header = 'X-Token'\n", {"3:1": "there is no token"}),
        ("[stores.a]\nurl = '/a'\ntoken_env = 'T'\ntoken_header = 'X: y'\n", {"4:16": "no name of a header"}),
        ('[stores.a]\nurl = "/a\\n"\n', {"2:7": "has a character"}),
    ],
)
def test_mistakes(tmp_path: Path, text: str, places: dict[str, str]) -> None:
    """All mistakes are told at once, each with its line and column, and never with a secret."""
    file = tmp_path / "config.toml"
    file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        read_settings(file)
    told = {f"{problem.line}:{problem.column}": str(problem) for problem in caught.value.problems}
    assert told.keys() == places.keys()
    for place, words in places.items():
        assert words in told[place] and told[place].startswith(f"{file}:{place}: ")
    assert "hidden" not in str(caught.value)


def _store(file: Path, **keys: str) -> StoreSettings:
    return StoreSettings("site", file, "https://store.example/", **keys)


def test_secrets_that_are_not_there(tmp_path: Path) -> None:
    """A missing, empty or odd secret is an error that names its place, and not the secret."""
    config = tmp_path / "config.toml"
    environment = {"HOME": str(tmp_path), "EMPTY": "", "ODD": "hidden\r\nX-Header: 1"}
    cases = [
        (_store(config, user="u", password_file="missing"), f"the secret in {tmp_path}/missing cannot be read"),
        (_store(config, user="u", password_file="empty"), f"{tmp_path}/empty, which .* for the store site, is empty"),
        (_store(config, user="u", password_file="binary"), "is not UTF-8 text"),
        (_store(config, token_env="MISSING"), "the variable MISSING, .* is not set"),
        (_store(config, token_env="EMPTY"), "is empty"),
        (_store(config, token_env="ODD"), "holds a character that no secret has"),
    ]
    _write_secret(tmp_path / "empty", "\nhidden\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfehidden")
    for settings, words in cases:
        with pytest.raises(InputError, match=words) as caught:
            access_of(settings, lambda _: None, environment)
        assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640, 0o604])
def test_secrets_that_others_may_read(tmp_path: Path, mode: int) -> None:
    """A file with a secret that is not its owner's alone gets a warning with the command that helps."""
    file = _write_secret(tmp_path / "secret", "hidden", mode)
    netrc = _write_secret(tmp_path / ".netrc", "machine store.example login ann password hidden", mode)
    said: list[str] = []
    access_of(_store(tmp_path / "config.toml", token_file="secret"), said.append, {"HOME": str(tmp_path)})
    access_from_netrc("https://store.example/a", said.append, {"HOME": str(tmp_path)})
    expected = [f"chmod 600 {file}", f"chmod 600 {netrc}"] if mode & 0o077 else []
    assert len(said) == len(expected)
    assert all(command in words and "hidden" not in words for words, command in zip(said, expected, strict=True))


def test_netrc(tmp_path: Path) -> None:
    """The host's own entry is used; an entry for every host is not, nor one without a password."""
    _write_secret(
        tmp_path / "netrc",
        "machine store.example login ann password p1\nmachine empty.example login bob\ndefault login all password p2\n",
    )
    environment = {"HOME": str(tmp_path), "NETRC": str(tmp_path / "netrc")}
    ann = Access(user="ann", secret="p1")
    assert access_from_netrc("https://store.example:8443/nfsroot", pytest.fail, environment) == ann
    assert access_from_netrc("https://other.example/", pytest.fail, environment) == ANONYMOUS
    assert access_from_netrc("https://store.example/", pytest.fail, {"HOME": str(tmp_path)}) == ANONYMOUS
    settings = StoreSettings("site", tmp_path / "c", "https://store.example/", ca_file="ca.pem")
    assert access_of(settings, pytest.fail, environment) == Access(user="ann", secret="p1", ca_file=tmp_path / "ca.pem")
    _write_secret(tmp_path / "netrc", "machine store.example login ann\npasword hidden\n")
    with pytest.raises(InputError, match=r"netrc:2 does not have the form") as caught:
        access_from_netrc("https://store.example/", pytest.fail, environment)
    assert "hidden" not in str(caught.value)


def test_names_and_addresses(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A word is a short name; all else is an address, which may be that of a store in the configuration."""
    monkeypatch.setenv("HOME", str(home))
    SiteAuthority(home)  # writes the ca.pem that the configuration names
    assert [is_short_name(word) for word in ("site", "a.b", "./site", "/srv", ".", "..", "~", "s3://b", "")] == [
        True, True, False, False, False, False, False, False, False,
    ]  # fmt: skip
    environment = _environment(home)
    site = open_store("site", pytest.fail, environment)
    assert isinstance(site, HttpStorage) and site.address == "https://store.example/nfsroot"
    here = open_store("here", pytest.fail, environment)
    assert isinstance(here, DirectoryStorage) and here.address == "/srv/artifacts"
    assert open_store("./site", pytest.fail, environment).address == str(Path.cwd() / "site")
    with pytest.raises(InputError, match=r"config\.toml has no store 'sit'") as caught:
        open_store("sit", pytest.fail, environment)
    assert "did you mean 'site'?" in str(caught.value) and "./sit for a directory" in str(caught.value)
    secret = home / ".config/nfsroot/secrets/site"
    secret.unlink()
    with pytest.raises(InputError, match="cannot be read"):  # the address of a store in the configuration is that store
        open_store("https://store.example/nfsroot/", pytest.fail, environment)
    assert isinstance(open_store("https://store.example/another", pytest.fail, environment), HttpStorage)


def _write_recipe(file: Path, text: str) -> Path:
    file.write_text(text, encoding="utf-8")
    return file


def test_names_in_recipes(home: Path) -> None:
    """A recipe names a store for everybody; a user's own name comes first, and so do his secrets for the address."""
    here = _write_recipe(home / "a.toml", "[stores.here]\nurl = '/elsewhere'\n[stores.team]\nurl = '/srv/team'\n")
    broken = _write_recipe(home / "b.toml", "[stores.team\n")
    bucket = _write_recipe(
        home / "c.toml", "[stores.copy]\nurl = 's3://releases/nfsroot'\nendpoint = 'https://other'\n"
    )
    recipes = [here, broken, bucket]
    assert open_store("here", pytest.fail, _environment(home), lambda: recipes).address == "/srv/artifacts"
    assert open_store("team", pytest.fail, _environment(home), lambda: recipes).address == "/srv/team"
    with pytest.raises(InputError, match="has no store 'other', and neither has a recipe"):
        open_store("other", pytest.fail, _environment(home), lambda: recipes)
    without_secret = {"HOME": str(home)}
    with pytest.raises(InputError, match="S3_SECRET"):  # which the user's own table with this address names
        open_store("copy", pytest.fail, without_secret, lambda: recipes)


def test_recipes_that_disagree(tmp_path: Path) -> None:
    """A name that two recipes give to different stores names none, and both are told; one store may be named twice."""
    first = _write_recipe(tmp_path / "a.toml", "[stores]\nsite.url = '/srv/a'\nsame.url = '/srv/b'\n")
    second = _write_recipe(tmp_path / "b.toml", "[stores]\nsite.url = '/srv/b'\nsame.url = '/srv/b'\n")
    with pytest.raises(InputError, match=rf"{first} to /srv/a, {second} to /srv/b"):
        find_in_recipes("site", [first, second])
    found = find_in_recipes("same", [first, second])
    assert found is not None and found.url == "/srv/b"
    assert find_in_recipes("site", []) is None


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("user = 'ann'\npassword_file = 'x'", "2:1: 'user' is each user's own, and not a recipe's"),
        ("password = 'hidden'", "2:1: this file holds no secrets"),
        ("ulr = 'x'", "did you mean 'url'"),
    ],
)
def test_a_recipe_names_no_secret(tmp_path: Path, table: str, words: str) -> None:
    """The table of a recipe says where the store is, and nothing that is each user's own."""
    file = _write_recipe(tmp_path / "a.toml", f"[stores.site]\n{table}\nurl = '/srv/a'\n")
    with pytest.raises(SettingsError) as caught:
        find_in_recipes("site", [file])
    assert words in str(caught.value)
    assert "hidden" not in str(caught.value)


def test_secrets_without_encryption(home: Path) -> None:
    """A password that goes over the network as it is gets a warning, but not on this machine."""
    _write_secret(home / ".netrc", "machine store.example login a password b machine 127.0.0.1 login a password b")
    said: list[str] = []
    open_store("http://store.example/a", said.append, _environment(home))
    open_store("http://127.0.0.1/a", pytest.fail, _environment(home))
    open_store("https://store.example/a", pytest.fail, _environment(home))
    assert said == ["http://store.example/a gets a password or a token over a connection that is not encrypted"]


def test_every_key_is_documented() -> None:
    """The reference explains each key of the configuration."""
    text = (PROJECT / "docs/reference/stores.md").read_text()
    assert [key for key in KEYS if f"| `{key}` |" not in text] == []
