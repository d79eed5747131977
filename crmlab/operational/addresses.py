"""Addresses written in one way, so that one person's address is found on every record, and their salted hashes.

An **opt-out** belongs to the address. The till writes ``ANNA@EXAMPLE.ORG`` and the web shop ``anna@example.org``: both
are the same address, and must have the same hash. Lesson 05 shows what happens where they have not.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

from crmlab.operational.refusal import RefusedOperation

KINDS = ("email", "phone", "post", "chat", "social")
#: Where a number without a country belongs.
_HOME_COUNTRY = "+49"
_LOCAL_PART = re.compile(r"[^\s@<>()\[\],;:\\\"]{1,64}")
_DOMAIN = re.compile(r"(?=.{4,253}$)([^\W_]([\w-]{0,61}[^\W_])?\.)+[^\W\d_]{2,63}")


def _normalised_email(value: str) -> str | None:
    address = value.strip().lower()
    local, at, domain = address.rpartition("@")
    dots_well_placed = not (local.startswith(".") or local.endswith(".") or ".." in local)
    return address if at and dots_well_placed and _LOCAL_PART.fullmatch(local) and _DOMAIN.fullmatch(domain) else None


def _normalised_phone(value: str) -> str | None:
    digits = re.sub(r"[\s/().-]", "", value.replace("(0)", ""))
    if digits.startswith("00"):
        digits = "+" + digits[2:]
    elif digits.startswith("0"):
        digits = _HOME_COUNTRY + digits[1:]
    return digits if re.fullmatch(r"\+[1-9][0-9]{6,14}", digits, re.ASCII) else None


def _normalised_words(value: str) -> str | None:
    return " ".join(value.split()).casefold() or None


_NORMALISE = {"email": _normalised_email, "phone": _normalised_phone}
_EXPECTED = {"email": "name@domain.tld", "phone": "7 to 15 digits, from + or 0"}


def normalise_address(kind: str, value: str) -> str:
    """An address in the one way in which the store writes it: e-mail in small letters, telephone as E.164
    (a number without a country is German), others with single spaces and small letters.

    Raises ``RefusedOperation`` for an unknown kind, and for what cannot be such an address.

    >>> normalise_address("phone", "0351/03267674"), normalise_address("email", " ANNA@Example.org")
    ('+4935103267674', 'anna@example.org')
    """
    if kind not in KINDS:
        raise RefusedOperation("an address is of a known kind", repr(kind), ", ".join(KINDS))
    if not isinstance(value, str):
        raise RefusedOperation(f"an address of kind {kind} is a text", repr(value), "a text")
    normalised = _NORMALISE.get(kind, _normalised_words)(unicodedata.normalize("NFC", value))
    if normalised is None:
        expected = _EXPECTED.get(kind, "some letters")
        raise RefusedOperation(f"an address of kind {kind} has the form of one", repr(value), expected)
    return normalised


def hash_address(kind: str, normalised: str, salt: str) -> str:
    """The salted SHA-256 of a normalised address, 64 hexadecimal digits.

    Without the salt, whoever holds a list of addresses could hash them all and look which are there. A real company
    keeps the salt apart from the data.

    >>> hash_address("email", "anna@example.org", "salt")[:8]
    '1891ba03'
    """
    return hashlib.sha256(f"{salt}\n{kind}\n{normalised}".encode()).hexdigest()
