"""`referins web`."""

from __future__ import annotations

import importlib
from urllib.parse import urlsplit

import click

from referins_woo import config, logs
from referins_woo.run.web import Wsgi, serve


@click.command("web")
@click.option("--bind", help="host:port; by default the port of PUBLIC_URL on 127.0.0.1.")
@click.option("--threads", default=8, show_default=True, help="Requests answered at the same time.")
def command(bind: str | None, threads: int) -> None:
    """Serve the pages, the API and the webhooks."""
    settings = config.load()
    _ = settings.needed_redis_url  # without it bells would ring in this process's memory, where no worker hears them
    port = urlsplit(settings.public_url).port or 8080
    logs.configure(role="web")

    def make() -> Wsgi:
        # Imported in the worker alone: the arbiter, which only watches over it, stays smaller by what the pages need.
        application: Wsgi = importlib.import_module("referins_woo.app").create_app(settings)
        return application

    serve(make, bind or f"127.0.0.1:{port}", threads=threads)
