"""The built front end: hashed names of its files, from the manifest that the build wrote, and serving them packed."""

from __future__ import annotations

import functools
import mimetypes
from pathlib import Path

import orjson
from flask import Flask, Response, request, send_from_directory, url_for
from markupsafe import Markup
from werkzeug.security import safe_join

from referins_woo import paths
from referins_woo.errors import ReferinsError


class NoBundle(ReferinsError):
    """The front end was not built."""


def asset(name: str) -> str:
    """Return the address of a built file: `asset('app.js')`. Raises NoBundle or KeyError for what is not there."""
    manifest = paths.bundle_dir() / "manifest.json"
    try:
        changed = manifest.stat().st_mtime_ns
    except FileNotFoundError:
        raise NoBundle("The front end is not built: run `npm ci && node bin/build.mjs`") from None
    return url_for("static", filename=f"dist/{_names(manifest, changed)[name]}")


def icon(name: str, css: str = "icon") -> Markup:
    """Return an icon of the sprite; it is decoration, the words beside it say what it means."""
    return Markup('<svg class="{}" aria-hidden="true" focusable="false"><use href="{}#{}"/></svg>').format(
        css, asset("icons.svg"), name
    )


def install(app: Flask) -> None:
    """Serve what the build packed as it is packed, to whoever takes gzip."""
    app.view_functions["static"] = _send


def _send(filename: str) -> Response:
    """Send one file of the bundle; the headers that let it be cached for good come from web.security."""
    folder = paths.bundle_dir().parent
    packed = safe_join(str(folder), f"{filename}.gz")
    if packed is None or not Path(packed).is_file():
        return send_from_directory(folder, filename)
    if request.accept_encodings.quality("gzip") > 0:
        kind = mimetypes.guess_type(filename)[0]
        response = send_from_directory(folder, f"{filename}.gz", mimetype=kind, download_name=Path(filename).name)
        response.headers["Content-Encoding"] = "gzip"
    else:
        response = send_from_directory(folder, filename)
    response.vary.add("Accept-Encoding")
    return response


@functools.lru_cache(maxsize=2)
def _names(manifest: Path, changed: int) -> dict[str, str]:
    """The manifest as it was at `changed`: a build beside a running server is noticed."""
    names: dict[str, str] = orjson.loads(manifest.read_bytes())
    return names
