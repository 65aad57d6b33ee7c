"""`nfsroot-site trust`: trusts a store, from which this server then gets its releases."""

from __future__ import annotations

import click

from builder.cli.output import write
from builder.site.places import Places


@click.command("trust")
@click.argument("store")
@click.argument("fingerprint", metavar="SHA256:FINGERPRINT")
@click.pass_obj
def command(places: Places, store: str, fingerprint: str) -> None:
    """Trust a store by its fingerprint, which `nfsroot publish` told its publisher.

    \b
    Examples:
      nfsroot-site trust https://store.example/nfsroot SHA256:...
      nfsroot-site trust /media/usb/store SHA256:...

    STORE is a path, a URL, or a name in /etc/nfsroot-site.toml.  In place of the fingerprint, a file with the store's
    first root may be named.  `nfsroot-site unpack` takes releases from the store from then on.
    """
    from builder.site import journal
    from builder.site.trust import trust

    with journal.locked(places):
        trusted = trust(places, store, fingerprint, lambda text: write(text, err=True))
    write(f"{trusted.storage.address} is trusted; signed {trusted.renewed:%Y-%m-%d %H:%M} UTC")
