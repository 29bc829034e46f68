"""Which column holds what: headers of our own files, Klaviyo's, Mailchimp's, and whatever people call things. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Field:
    """Something that a column may hold."""

    key: str
    label: str
    headers: tuple[str, ...]
    """How headers name it, in small letters and digits alone."""


FIELDS: Final = (
    Field("email", "E-mail", ("email", "emailaddress", "mail", "subscriberemail")),
    Field("first_name", "First name", ("firstname", "fname", "givenname")),
    Field("last_name", "Last name", ("lastname", "lname", "surname", "familyname")),
    Field("name", "Full name", ("name", "fullname", "contactname")),
    Field("phone", "Phone", ("phone", "phonenumber", "mobile", "telephone", "smsphonenumber")),
    Field("tags", "Tags", ("tags", "tag", "labels")),
    Field("address_1", "Street", ("address1", "street", "addressline1", "streetaddress")),
    Field("address_2", "Street, second line", ("address2", "addressline2")),
    Field("city", "City", ("city", "town")),
    Field("state", "State or province", ("state", "province", "region", "stateprovince")),
    Field("postcode", "Postcode", ("postcode", "zip", "zipcode", "postalcode")),
    Field("country", "Country", ("country", "countrycode")),
    Field(
        "consent",
        "Consent to marketing",
        ("consent", "emailmarketingconsent", "emailconsent", "marketingconsent", "status", "subscriptionstatus"),
    ),
    Field(
        "consent_at",
        "Time of the consent",
        ("consentat", "consenttimestamp", "emailmarketingconsenttimestamp", "optintime", "confirmtime", "subscribedat"),
    ),
    Field("changed_at", "Time of the last change", ("lastchanged", "unsubtime", "unsubscribedat", "cleantime")),
    Field("consent_source", "Where the consent was given", ("consentsource", "optinsource", "source")),
)
ADDRESS: Final = ("address_1", "address_2", "city", "state", "postcode", "country")

_OURS: Final = {"consent", "consentat", "consentsource"}
_KLAVIYO: Final = {"emailmarketingconsent", "emailmarketingconsenttimestamp", "klaviyoid"}
_MAILCHIMP: Final = {"optintime", "lastchanged", "memberrating", "leid", "euid", "fname"}


def plain(header: str) -> str:
    """Return a header in small letters and digits alone: "Email Address" and EMAIL_ADDRESS are one."""
    return "".join(letter for letter in header.casefold() if letter.isalnum())


def shape_of(header: Sequence[str]) -> str:
    """Return whose file it looks like: `klaviyo`, `mailchimp`, `referins` or `other`."""
    names = {plain(one) for one in header}
    for shape, marks in (("klaviyo", _KLAVIYO), ("mailchimp", _MAILCHIMP), ("referins", _OURS)):
        if len(names & marks) >= (1 if shape == "klaviyo" else 2):
            return shape
    return "other"


def guess(header: Sequence[str]) -> dict[str, int]:
    """Return field → column; the first column whose header is one of the field's names, in their order."""
    names = [plain(one) for one in header]
    found: dict[str, int] = {}
    for field in FIELDS:
        for wanted in field.headers:
            if wanted in names and names.index(wanted) not in found.values():
                found[field.key] = names.index(wanted)
                break
    return found
