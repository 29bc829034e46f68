"""E-mails shown in a frame: their HTML has an address of its own and a policy that lets it do nothing.

`iframe srcdoc` would inherit the page's policy and lose the mail's styles.
"""

from __future__ import annotations

from flask import Response

from referins_woo.web import security

_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src * data:; font-src *; frame-ancestors 'self'; "
    "form-action 'none'; base-uri 'none'"
)
_WITH_LINKS = "sandbox allow-top-navigation-by-user-activation allow-popups allow-popups-to-escape-sandbox;"


def sandboxed(html: str, *, opens_links: bool = False) -> Response:
    """Return the mail's HTML: no script, no form. `opens_links`: it is a page of its own, whose links are followed."""
    security.replace_policy(_POLICY.replace("sandbox;", _WITH_LINKS, 1) if opens_links else _POLICY)
    answer = Response(html, mimetype="text/html")
    answer.headers["X-Robots-Tag"] = "noindex"
    return answer
