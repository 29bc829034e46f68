"""Answers of the API: documents as JSON, and ETags, so that what has not changed need not be sent again."""

from __future__ import annotations

import hashlib

from flask import Response, request

from referins_woo.web.api import problems
from referins_woo.web.api.documents import Document


def answer(document: Document, status: int = 200) -> Response:
    """Return a document as JSON."""
    return Response(document.model_dump_json(), status, mimetype="application/json")


def etag(document: Document) -> str:
    """Return the name of this state of a document."""
    return _name(document.model_dump_json().encode())


def must_match(document: Document) -> None:
    """Reject a change that was made to another state of `document` than the one there is (`If-Match`)."""
    if request.if_match and not request.if_match.contains(etag(document)):
        raise problems.Rejected(
            412, "If-Match names another state than the one there is now: read it again, then send your change."
        )


def conditional(response: Response) -> Response:
    """Give an answer its ETag; one whose state the caller has already becomes 304."""
    if request.method in ("GET", "HEAD") and response.status_code == 200 and not response.is_streamed:
        response.set_etag(_name(response.get_data()))
        response.make_conditional(request)
    return response


def _name(body: bytes) -> str:
    return hashlib.blake2b(body, digest_size=12).hexdigest()
