"""Raw values into canonical ones: cleaned, validated, taken apart, with every doubt recorded.

One function a kind, such as `email`, each total: any text in, never an exception for what it says.

>>> from cdm import normalize
>>> normalize.text("  Hello\t WORLD ")["forms"]["canonical"]
'hello world'
>>> normalize.text("N/A")
{'status': 'unusable', 'forms': {}, 'issues': ['placeholder']}
"""

from __future__ import annotations

import json
from typing import Literal, Optional, Protocol, TypedDict

from cdm import _core
from cdm._core import nickname_classes, phonetic_codes

Kind = Literal[
    "given_name",
    "family_name",
    "full_name",
    "organisation",
    "email",
    "phone",
    "address",
    "street",
    "city",
    "region",
    "postcode",
    "country",
    "date",
    "identifier",
    "url",
    "category",
    "text",
    "number",
    "geo",
]
"""What the values of a field are."""

Status = Literal["valid", "doubtful", "unusable", "missing"]
"""Whether a value can be used (`valid`, `doubtful`) and how far it can be trusted."""

DateOrder = Literal["day_first", "month_first"]
"""Which part of an all-numeric date such as 03/04/2001 is the day."""


class Forms(TypedDict, total=False):
    """The forms of a normalised value; which there are depends on the kind and the value.

    A usable value always has `canonical`, which is compared for equality.
    """

    canonical: str
    display: str
    ascii: str
    prefix: str
    given: str
    middle: str
    family: str
    suffix: str
    alias: list[str]
    core: str
    base: str
    legal_form: str
    local: str
    domain: str
    deliverable: str
    national: str
    extension: str
    type: str
    unit: str
    house_number: str
    street: str
    po_box: str
    postcode: str
    city: str
    region: str
    country: str
    path: str
    latitude: str
    longitude: str
    script: str


class Normalized(TypedDict):
    """A value as its normaliser left it: how usable it is, its forms, and what was noticed."""

    status: Status
    forms: Forms
    issues: list[str]


class Normalizer(Protocol):
    """A function that normalises the values of one kind."""

    def __call__(
        self,
        raw: str,
        /,
        *,
        region: Optional[str] = None,
        date_order: Optional[DateOrder] = None,
        latest_two_digit_year: Optional[int] = None,
    ) -> Normalized: ...


def value(
    kind: Kind,
    raw: str,
    /,
    *,
    region: Optional[str] = None,
    date_order: Optional[DateOrder] = None,
    latest_two_digit_year: Optional[int] = None,
) -> Normalized:
    """Normalise a value of any kind.

    `region` is the ISO 3166-1 alpha-2 region, in upper case, of values that do not name their own.
    `date_order` says how to read a date such as 03/04/2001; where it is left out, such a date is
    read month first in region US, else day first, and flagged. A two-digit year is read as the
    latest year not after `latest_two_digit_year`: with 2029, the default, ``30`` is 1930.

    Raises `cdm.InvalidError` for a kind or an option that there is not.
    """
    context = {
        "region": region,
        "date_order": date_order,
        "latest_two_digit_year": latest_two_digit_year,
    }
    given = {name: option for name, option in context.items() if option is not None}
    normalized: Normalized = json.loads(
        _core.normalize_json(kind, raw, json.dumps(given) if given else None)
    )
    return normalized


def _normalizer(kind: Kind, summary: str) -> Normalizer:
    def normalizer(
        raw: str,
        /,
        *,
        region: Optional[str] = None,
        date_order: Optional[DateOrder] = None,
        latest_two_digit_year: Optional[int] = None,
    ) -> Normalized:
        return value(
            kind,
            raw,
            region=region,
            date_order=date_order,
            latest_two_digit_year=latest_two_digit_year,
        )

    normalizer.__name__ = normalizer.__qualname__ = kind
    normalizer.__doc__ = f"Normalise {summary}. The options are those of `value`."
    return normalizer


given_name = _normalizer("given_name", "the first and middle names of a person")
family_name = _normalizer("family_name", "the surname of a person")
full_name = _normalizer("full_name", "a person's whole name, in either order")
organisation = _normalizer("organisation", "the name of a company, school or other body")
email = _normalizer("email", "an e-mail address")
phone = _normalizer("phone", "a telephone number")
address = _normalizer("address", "a whole postal address on one line")
street = _normalizer("street", "the street, house number and unit of an address")
city = _normalizer("city", "a town or city")
region = _normalizer("region", "a state, province, county or Land")
postcode = _normalizer("postcode", "a postal code")
country = _normalizer("country", "a country, by name or code")
date = _normalizer("date", "a calendar date, which may be partial")
identifier = _normalizer("identifier", "a number or code that names one person or thing")
url = _normalizer("url", "a web address")
category = _normalizer("category", "one of few values, such as a gender or a consent")
text = _normalizer("text", "free text")
number = _normalizer("number", "a quantity")
geo = _normalizer("geo", "a latitude and longitude")

__all__ = [
    "DateOrder",
    "Forms",
    "Kind",
    "Normalized",
    "Normalizer",
    "Status",
    "address",
    "category",
    "city",
    "country",
    "date",
    "email",
    "family_name",
    "full_name",
    "geo",
    "given_name",
    "identifier",
    "nickname_classes",
    "number",
    "organisation",
    "phone",
    "phonetic_codes",
    "postcode",
    "region",
    "street",
    "text",
    "url",
    "value",
]
