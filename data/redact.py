"""Masking of what identifies people or opens doors: e-mail, phone and card numbers, keys."""

from __future__ import annotations

import re
from types import ModuleType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .errors import InputError

EMAIL = r"[A-Za-z0-9._%+\-]+@[A-Za-z0-9\-]+(\.[A-Za-z0-9\-]+)*\.[A-Za-z]{2,}"
KEYS = (
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|\z)",
    r"\beyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]*",
    r"\b(sk|pk|rk)[-_][A-Za-z0-9_\-]{16,}",
    r"\b(AKIA|ASIA)[A-Z0-9]{16}\b",
    r"\bAIza[A-Za-z0-9_\-]{30,}",
    r"\b(gh[pousr]|github_pat|glpat|hf|npm|xox[abeoprs]|SG|dop_v1)[-_.][A-Za-z0-9_.\-]{16,}",
    r"(?i)\bbearer\s+[A-Za-z0-9._~+/\-]{16,}=*",
)
"""Shapes of private keys, tokens and API keys, as their issuers publish them."""
DIGITS = r"(\d[ ().\-]{0,2}){7,}"
CARD = re.compile(r"(?<![\d.])\d(?:[ -]?\d){12,18}(?![\d.])")
REGIONS = (None, "US")
"""Phone numbers are sought in international form, and as people of these regions write them."""


def redact(texts: pa.Array) -> pa.Array:
    """Mask what is found in a column of text with `[email]`, `[key]`, `[card]` and `[phone]`.

    Raises:
        InputError: the extra that knows phone numbers is not installed.
    """
    matcher = _phone_numbers()
    texts = pc.replace_substring_regex(texts, EMAIL, "[email]")
    for pattern in KEYS:
        texts = pc.replace_substring_regex(texts, pattern, "[key]")
    candidates = np.flatnonzero(
        pc.fill_null(pc.match_substring_regex(texts, DIGITS), False).to_numpy(zero_copy_only=False)
    )
    if not len(candidates):
        return texts
    masked = [_phones(_cards(texts[i].as_py()), matcher) for i in candidates.tolist()]
    mask = np.zeros(len(texts), dtype=bool)
    mask[candidates] = True
    return pc.replace_with_mask(texts, pa.array(mask), pa.array(masked, texts.type))


def _cards(text: str) -> str:
    return CARD.sub(lambda match: "[card]" if _luhn(match[0]) else match[0], text)


def _luhn(number: str) -> bool:
    """Tell whether the digits end in the check digit of ISO/IEC 7812."""
    digits = [int(c) for c in reversed(number) if c.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def _phones(text: str, library: ModuleType) -> str:
    for region in REGIONS:
        found = [(m.start, m.end) for m in library.PhoneNumberMatcher(text, region)]
        for start, end in reversed(found):
            text = f"{text[:start]}[phone]{text[end:]}"
    return text


def _phone_numbers() -> ModuleType:
    try:
        import phonenumbers
    except ImportError as error:
        raise InputError(
            "--redact without the library phonenumbers",
            "the extra [redact]",
            "Run pip install 'capscope[redact]'.",
        ) from error
    return phonenumbers
