"""Where the parts of the web application meet."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask
from flask_wtf.csrf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import IntegerConverter

from referins_woo import paths, process, queues
from referins_woo.config import Config
from referins_woo.ingest.receive import Receiver
from referins_woo.web import assets, brand, contact_files, failures, limits, rendering, routes, security, sign_in
from referins_woo.web.api import routes as api_routes
from referins_woo.web.hooks import LetterBox

csrf = CSRFProtect()

LARGEST_FORM = 1024 * 1024
"""Bytes of a request; the letter box of the hooks has a limit of its own."""


class RowId(IntegerConverter):
    """`<int:…>` in addresses: what no row can have as its id is an unknown address, not a fault of the database."""

    regex = r"\d{1,18}"


def create_app(config: Config, *, connect_queues: bool = True) -> Flask:
    """Return the web application for `config`, with this process's database and bells opened.

    A process that was started with the same settings before (tests, command line) is kept as it is;
    `connect_queues=False` leaves the bells to the caller too.
    """
    try:
        running = process.current()
    except RuntimeError:
        running = process.start(config)
    if running.config != config:
        process.start(config)
    if connect_queues:
        queues.connect(config.redis_url)

    app = Flask(
        "referins_woo",
        template_folder=str(paths.templates_dir()),
        static_folder=str(paths.bundle_dir().parent),
        static_url_path="/static",
    )
    https = config.public_is_https
    app.config.update(
        SECRET_KEY=config.secret_key,
        MAX_CONTENT_LENGTH=LARGEST_FORM,
        MAX_FORM_PARTS=2_000,
        SESSION_COOKIE_NAME="__Host-referins" if https else "referins",
        SESSION_COOKIE_SECURE=https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=timedelta(days=30),
        WTF_CSRF_TIME_LIMIT=12 * 3600,
        WTF_CSRF_SSL_STRICT=https,
        SEND_FILE_MAX_AGE_DEFAULT=31_536_000,
    )
    if https:
        # We never speak TLS ourselves: a proxy stands before us and names the caller.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1)  # type: ignore[method-assign]
    security.install(app, config)
    contact_files.allow_large_files(app)
    brand.allow_pictures(app)
    csrf.init_app(app)
    limits.install(app, config)
    api_routes.install(app, config)
    sign_in.install(app)
    failures.install(app)
    rendering.install(app)
    assets.install(app)
    app.url_map.converters["int"] = RowId
    for blueprint in routes.blueprints(config):
        app.register_blueprint(blueprint)
        if blueprint.name in routes.WITHOUT_CSRF:
            csrf.exempt(blueprint)
            limits.limiter.exempt(blueprint)
    routes.install_page_context(app)
    app.wsgi_app = LetterBox(app.wsgi_app, Receiver(process.current()))  # type: ignore[method-assign]
    return app
