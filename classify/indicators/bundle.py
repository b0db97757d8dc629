"""A profile as a STIX 2.1 bundle, and back. A bundle that is read is another's: it is checked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import ValidationError

from ...data import InputError, one_line, replacing
from .profile import VERSION, Profile

NAMESPACE = uuid5(NAMESPACE_URL, "urn:capscope:indicators")
"""Ids are UUIDs of their object's content in this namespace: the same group has the same ids."""
EXTENSION = f"extension-definition--{uuid5(NAMESPACE, f'extension {VERSION}')}"
PATTERN = "capscope-skeleton"
"""The type of the indicators' patterns: a skeleton with its slots as `{}`."""
MADE = "2026-11-26T00:00:00Z"
"""When this version of the extension was made; bundles without any time are of then."""
LARGEST = 16_000_000
"""Bytes of a bundle that is read."""
OUR_BUNDLE = "a STIX 2.1 bundle that capscope indicators export wrote"


def write_bundle(profile: Profile, path: Path) -> None:
    """Write a profile as a bundle marked TLP:AMBER; the same profile gives the same bytes.

    Raises:
        InputError: the library stix2 is not installed.
    """
    text = str(_bundle(profile).serialize(indent=1, sort_keys=True))
    with replacing(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def read_bundle(path: Path) -> Profile:
    """Read a bundle; nothing of it is run, and every field is checked.

    Raises:
        InputError: it cannot be read, is too large, no such bundle, or of another version.
    """
    objects = _objects(path)
    campaigns = [one for one in objects if one.get("type") == "campaign" and _extension(one)]
    if len(campaigns) != 1:
        raise InputError(
            f"{path} with {len(campaigns)} campaigns that have capscope's extension",
            OUR_BUNDLE,
            "Ask the sender for one bundle for each group.",
        )
    told = _extension(campaigns[0])
    if told.get("version") != VERSION:
        raise InputError(
            f"{path} is of version {one_line(told.get('version'), 20)}",
            f"version {VERSION}",
            "Use the sender's version of capscope, or ask for a bundle of this one.",
        )
    signs = [one for one in objects if one.get("type") == "indicator" and _extension(one)]
    skeletons = [_without(_extension(one)) | {"text": one.get("pattern")} for one in signs]
    try:
        return Profile.model_validate(_without(told) | {"skeletons": skeletons})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = one_line(".".join(map(str, first["loc"])), 60)
        raise InputError(
            f"{path}: {where} {first['msg'].lower()}", OUR_BUNDLE, "Ask the sender for it again."
        ) from error


def _objects(path: Path) -> list[dict[str, Any]]:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise InputError(f"{path} cannot be read", OUR_BUNDLE, "Check the path.") from error
    if len(content) > LARGEST:
        raise InputError(
            f"{path} has more than {LARGEST:,} bytes", OUR_BUNDLE, "Ask the sender what it is."
        )
    try:
        bundle = json.loads(content.decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{path} is no JSON ({type(error).__name__})", OUR_BUNDLE, "Check the file."
        ) from error
    objects = bundle.get("objects") if isinstance(bundle, dict) else None
    if not isinstance(objects, list) or bundle.get("type") != "bundle":
        raise InputError(f"{path} is no bundle", OUR_BUNDLE, "Check the file.")
    return [one for one in objects if isinstance(one, dict)]


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _extension(one: dict[str, Any]) -> dict[str, Any]:
    extensions = one.get("extensions")
    found = extensions.get(EXTENSION) if isinstance(extensions, dict) else None
    return found if isinstance(found, dict) else {}


def _without(extension: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in extension.items() if name != "extension_type"}


def _bundle(profile: Profile) -> Any:  # noqa: ANN401
    stix2 = _library()
    v21 = stix2.v21
    schedule = profile.schedule
    first, last = (schedule.first, schedule.last) if schedule else (MADE, MADE)
    told = _filled(profile.model_dump(exclude={"skeletons"}))
    content = profile.model_dump_json()

    def common(kind: str, what: str, time: str) -> dict[str, Any]:
        return {
            "id": f"{kind}--{_uuid(what)}",
            "created": time,
            "modified": time,
            "object_marking_refs": [stix2.TLP_AMBER],
        }

    maker = v21.Identity(
        id=f"identity--{_uuid('capscope')}",
        created=MADE,
        modified=MADE,
        name="capscope",
        identity_class="system",
    )
    by = {"created_by_ref": maker.id}
    definition = v21.ExtensionDefinition(
        id=EXTENSION,
        created=MADE,
        modified=MADE,
        name="capscope campaign profile",
        description="Templates, means, shares and counts of a group of accounts, without prompts.",
        schema=json.dumps(Profile.model_json_schema(), sort_keys=True),
        version=f"{VERSION}.0.0",
        extension_types=["property-extension"],
        **by,
    )
    campaign = v21.Campaign(
        **common("campaign", content, last),
        **by,
        name=profile.campaign_id,
        description=f"{profile.accounts:,} accounts that move together: {profile.kind}, "
        f"{profile.label}. A person has to judge what a match means.",
        **({"first_seen": first, "last_seen": last} if schedule else {}),
        extensions={EXTENSION: {"extension_type": "property-extension", **told}},
    )
    objects = [maker, stix2.TLP_AMBER, definition, campaign]
    for number, skeleton in enumerate(profile.skeletons, start=1):
        numbers = skeleton.model_dump(exclude={"text"})
        indicator = v21.Indicator(
            **common("indicator", f"{number} {content}", last),
            **by,
            name=f"template {number} of {profile.campaign_id}",
            description="Fixed words of prompts, each slot as {}.",
            indicator_types=["anomalous-activity"],
            pattern=skeleton.text,
            pattern_type=PATTERN,
            valid_from=first,
            extensions={EXTENSION: {"extension_type": "property-extension", **numbers}},
        )
        link = v21.Relationship(
            **common("relationship", f"of {number} {content}", last),
            **by,
            relationship_type="indicates",
            source_ref=indicator.id,
            target_ref=campaign.id,
        )
        objects += [indicator, link]
    return v21.Bundle(id=f"bundle--{_uuid(content)}", objects=objects)


def _filled(value: Any) -> Any:  # noqa: ANN401
    """Leave out what STIX has no empty form of."""
    if isinstance(value, dict):
        kept = {name: _filled(one) for name, one in value.items()}
        return {name: one for name, one in kept.items() if one not in (None, [], {})}
    return value


def _uuid(content: str) -> UUID:
    return uuid5(NAMESPACE, content)


def _library() -> Any:  # noqa: ANN401
    try:
        import stix2
    except ImportError as error:
        raise InputError(
            "indicators export without the library stix2",
            "the extra [stix]",
            "Run pip install 'capscope[stix]'.",
        ) from error
    return stix2
