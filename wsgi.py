"""Entry point for any WSGI server: `gunicorn wsgi:app`."""

from referins_woo import config
from referins_woo.app import create_app

app = create_app(config.load())
