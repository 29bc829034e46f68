"""Answers of the REST API that say no, as they were recorded."""

from __future__ import annotations

from referins_woo.errors import ReferinsError
from referins_woo.practice_store.site import Json


class RestError(ReferinsError):
    """An error answer: HTTP status, code, message for people.

    `data` replaces the usual {"status": …}; `shows_methods` says whether the answer names the `Allow`ed methods.
    """

    def __init__(
        self, status: int, code: str, message: str, data: object = None, *, shows_methods: bool = True
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.data = {"status": status} if data is None else data
        self.shows_methods = shows_methods

    def body(self) -> Json:
        """Return the JSON of the answer."""
        return {"code": self.code, "message": str(self), "data": self.data}


def invalid_params(problems: dict[str, tuple[str, str, object]]) -> RestError:
    """Return the 400 for parameters that fail their schema: name to (detail code, message, detail data)."""
    return RestError(
        400,
        "rest_invalid_param",
        f"Invalid parameter(s): {', '.join(problems)}",
        {
            "status": 400,
            "params": {name: message for name, (_, message, _) in problems.items()},
            "details": {
                name: {"code": code, "message": message, "data": data}
                for name, (code, message, data) in problems.items()
            },
        },
    )


def missing_params(names: list[str]) -> RestError:
    """Return the 400 for parameters that must be given."""
    return RestError(
        400,
        "rest_missing_callback_param",
        f"Missing parameter(s): {', '.join(names)}",
        {"status": 400, "params": names},
    )


def no_route() -> RestError:
    """Return the 404 for a path or method that does not exist (fact 69)."""
    return RestError(
        404, "rest_no_route", "No route was found matching the URL and request method.", shows_methods=False
    )


def options(names: list[str]) -> str:
    """Join names as the messages of WordPress do: "a, b, and c"; "asc and desc"."""
    if len(names) == 2:
        return f"{names[0]} and {names[1]}"
    return f"{', '.join(names[:-1])}, and {names[-1]}"
