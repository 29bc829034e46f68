"""The account of the key: its name, and what its e-mails and figures go by (N6)."""

from __future__ import annotations

from typing import Annotated

from flask import Response
from pydantic import ConfigDict, Field

from referins_woo.accounts.account import LONGEST_ADDRESS
from referins_woo.accounts.models import Account as AccountRow
from referins_woo.runs import publishable
from referins_woo.web import scope
from referins_woo.web.api import answers
from referins_woo.web.api.bearer import account_id, api, user_id
from referins_woo.web.api.contract import operation
from referins_woo.web.api.documents import Document, Id, Input, Written, example
from referins_woo.web.api.writing import writing

_ADDRESS = "1 Example Street\nExample Town"


class Account(Document):
    """The settings of the account."""

    id: Id
    name: Annotated[str, Field(examples=["Shop Ltd"])]
    time_zone: Annotated[str | None, Field(examples=["Europe/Berlin"])]
    base_currency: Annotated[str | None, Field(examples=["EUR"])]
    sender_name: Annotated[str, Field(description="Whom e-mails come from; empty: the store.", examples=["Shop"])]
    postal_address: Annotated[
        str, Field(description="Stands below marketing e-mails, which need it; lines.", examples=[_ADDRESS])
    ]


class ChangedAccount(Input):
    """What to change; what is not named stays."""

    model_config = ConfigDict(json_schema_extra=example({"postal_address": _ADDRESS}))

    name: Annotated[Written | None, Field(min_length=1, max_length=200)] = None
    time_zone: Annotated[str | None, Field(max_length=64, examples=["Europe/Berlin"])] = None
    base_currency: Annotated[str | None, Field(max_length=3, examples=["EUR"])] = None
    sender_name: Annotated[str | None, Field(max_length=200)] = None
    postal_address: Annotated[
        str | None,
        Field(
            max_length=LONGEST_ADDRESS,
            description="It cannot be emptied while a live automation sends marketing e-mails.",
        ),
    ] = None


@api.get("/account")
@operation(Account, tag="Account")
def get_account() -> Response:
    """Read the account"""
    with scope.reading() as session:
        return answers.answer(Account.model_validate(session.get_one(AccountRow, account_id())))


@api.patch("/account")
@operation(Account, tag="Account")
def change_account(json: ChangedAccount) -> Response:
    """Change the account

    For owners. Time zone and base currency come from the first connected store until they are set here or on the page.
    """
    with writing() as work:
        row = work.session.get_one(AccountRow, work.account_id)
        kept = {name: getattr(row, name) or "" for name in ChangedAccount.model_fields}
        given = {name: value for name, value in json.model_dump().items() if value is not None}
        second = {"requires_second_factor": "1" if row.requires_second_factor else ""}
        publishable.change_account(work.session, work.account_id, user_id(), {**kept, **given, **second})
        return work.answer(Account.model_validate(row))
