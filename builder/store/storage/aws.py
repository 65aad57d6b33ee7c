"""Finds the address of an S3 server and its keys in the variables and files that the tools of AWS share.

See "Settings reference" in the "AWS SDKs and Tools Reference Guide".  The library reads the variables by itself, and
asks the machine's own metadata service where a machine in a cloud has one; it does not read the files.
"""

from __future__ import annotations

import configparser
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from builder.errors import InputError
from builder.store.storage.access import Access
from builder.store.storage.addresses import check_address
from builder.urls import without_users

ELSEWHERE = (
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
"""Variables that say where the library fetches temporary keys."""


@dataclass(frozen=True)
class Server:
    """An S3 server, and the keys for it.

    `endpoint` is empty for AWS itself.  Without `key` the requests are `anonymous`, or the library finds the keys.
    """

    endpoint: str
    region: str
    key: str = ""
    secret: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    anonymous: bool = False


def find_server(access: Access, environment: Mapping[str, str] = os.environ) -> Server:
    """The server that the store's configuration names, else the environment, else the files of the AWS tools.

    A server other than AWS gets anonymous requests where there are no keys, because its address says nothing about
    the metadata service that the library would ask.

    :raises InputError: one of the files cannot be read, no file has the profile in $AWS_PROFILE, or the endpoint is no
        URL.
    """
    profile = _profile(environment)
    endpoint = (
        access.endpoint
        or environment.get("AWS_ENDPOINT_URL_S3")
        or environment.get("AWS_ENDPOINT_URL")
        or environment.get("AWS_ENDPOINT")
        or profile.get("endpoint_url", "")
    )
    if endpoint:
        _check_endpoint(endpoint)
    region = (
        access.region
        or environment.get("AWS_REGION")
        or environment.get("AWS_DEFAULT_REGION")
        or profile.get("region", "us-east-1")
    )
    if access.user:
        return Server(endpoint, region, access.user, access.secret)
    if environment.get("AWS_ACCESS_KEY_ID"):
        token = environment.get("AWS_SESSION_TOKEN", "")
        return Server(
            endpoint, region, environment["AWS_ACCESS_KEY_ID"], environment.get("AWS_SECRET_ACCESS_KEY", ""), token
        )
    if "aws_access_key_id" in profile:
        token = profile.get("aws_session_token", "")
        return Server(endpoint, region, profile["aws_access_key_id"], profile.get("aws_secret_access_key", ""), token)
    return Server(endpoint, region, anonymous=bool(endpoint) and not any(name in environment for name in ELSEWHERE))


def _check_endpoint(endpoint: str) -> None:
    if not endpoint.startswith(("https://", "http://")):
        raise InputError(
            f"the S3 endpoint {without_users(endpoint)} is no URL", resolution="Write https:// and the server's name."
        )
    check_address(endpoint)


def _profile(environment: Mapping[str, str]) -> dict[str, str]:
    """The settings of the profile in $AWS_PROFILE, or of `default`; those of the credentials file come first."""
    name = environment.get("AWS_PROFILE", "default")
    config = _file(environment, "AWS_CONFIG_FILE", "config")
    credentials = _file(environment, "AWS_SHARED_CREDENTIALS_FILE", "credentials")
    sections = [(config, f"profile {name}"), (config, name), (credentials, name)]
    found = [dict(file[section]) for file, section in sections if file.has_section(section)]
    if not found and "AWS_PROFILE" in environment:
        raise InputError(
            f"the profile {name} of $AWS_PROFILE is in no file",
            resolution="Name a profile that ~/.aws/config or ~/.aws/credentials holds, or unset AWS_PROFILE.",
        )
    return {key: value for section in found for key, value in section.items()}


def _file(environment: Mapping[str, str], variable: str, name: str) -> configparser.ConfigParser:
    """The settings in the file that `variable` names, else in ~/.aws/NAME; empty when there is no such file."""
    default = Path(environment.get("HOME") or "/", ".aws", name)
    file = Path(environment.get(variable) or default)
    parser = configparser.ConfigParser(interpolation=None, default_section="", strict=False)
    try:
        parser.read_string(file.read_text(encoding="utf-8"), source=str(file))
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from error
    except (configparser.Error, UnicodeDecodeError) as error:
        line = f":{error.lineno}" if isinstance(error, configparser.MissingSectionHeaderError) else ""
        raise InputError(f"{file}{line} is no configuration file of AWS") from error  # its lines may hold secrets
    return parser
