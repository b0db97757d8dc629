"""What the commands call: a group of an index to a bundle, and a bundle against an index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...data import InputError, check_output, one_line, read_key, write_records
from ...embed import open_encoder
from ...index import AreaMap, PromptIndex, open_index
from ..campaigns import Corpus, Judge, find_campaigns, read_launches
from ..campaigns.things import find_accounts
from ..model import load_model
from .bundle import read_bundle, write_bundle
from .fits import FEWEST, runs_of
from .match import match_records
from .profile import Profile
from .profile_of import profile_of

NAMED = 5
"""Groups that a message names."""


@dataclass(frozen=True, slots=True)
class Matched:
    """What of an index fits a bundle.

    Attributes:
        records: of the accounts that fit beyond chance, the most similar first.
        profile: of the bundle.
        accounts: how many accounts the index has.
    """

    records: list[dict[str, Any]]
    profile: Profile
    accounts: int


def export_file(
    group: str,
    index: Path,
    output: Path,
    *,
    model: Path | None = None,
    launches: Sequence[str] = (),
    hashed_accounts: Path | None = None,
    weights: Path | None = None,
    cache: Path | None = None,
) -> Profile:
    """Find a group in an index again, and write what may be shared of it as a STIX 2.1 bundle.

    Raises:
        InputError: the index has no such group, the group has too little in common, or the output,
            the key, a launch, the model or the encoder cannot be used; nothing is written then.
    """
    check_output(output, (".json",))
    key = read_key(hashed_accounts) if hashed_accounts else None
    told = read_launches(launches)
    loaded = load_model(model)
    opened = open_index(index)
    encoder = open_encoder(weights, cache)
    opened.check_encoder(encoder)
    corpus = Corpus.of_index(opened)
    found = find_campaigns(corpus, Judge(loaded, encoder), told)
    campaign = next((one for one in found if one.campaign_id == group), None)
    if campaign is None:
        names = ", ".join(one.campaign_id for one in found[:NAMED]) or "none at all"
        raise InputError(
            f"no group {group} in {index}",
            f"one of its {len(found):,} groups, such as {names}",
            f"See capscope campaigns --index {index}, with the same launches and model.",
        )
    accounts = find_accounts(corpus.table, corpus.prompt)
    areas = AreaMap.embedded(encoder)
    profile = profile_of(corpus, accounts, campaign, areas, encoder.fingerprint, key)
    write_bundle(profile, output)
    return profile


def match_bundle(
    bundle: Path,
    index: Path,
    output: Path | None,
    *,
    weights: Path | None = None,
    cache: Path | None = None,
) -> Matched:
    """Find the accounts of an index whose traffic fits a bundle, and write a record for each.

    Raises:
        InputError: the bundle cannot be used or is of another encoder than the index, the index
            names no account, or it, the encoder or the output cannot be used; nothing is written
            then.
    """
    if output is not None:
        check_output(output)
    profile = read_bundle(bundle)
    opened = open_index(index)
    _check(profile, bundle, opened)
    encoder = open_encoder(weights, cache)
    opened.check_encoder(encoder)
    corpus = Corpus.of_index(opened)
    accounts = find_accounts(corpus.table, corpus.prompt)
    if not len(accounts):
        raise InputError(
            f"{index} names no account",
            "an index of traffic whose rows have an account_id",
            "Name the field that says who asks account_id, and index the traffic again.",
        )
    records = match_records(corpus, accounts, profile, AreaMap.embedded(encoder))
    write_records(records, output)
    return Matched(records, profile, len(accounts))


def _check(profile: Profile, bundle: Path, index: PromptIndex) -> None:
    """Raise `InputError` unless a bundle's skeletons and means can be compared with an index."""
    if profile.encoder != index.encoder:
        raise InputError(
            f"{bundle} was made with the encoder {one_line(profile.encoder, 80)}",
            f"that of the index, {index.encoder}",
            "Index the traffic with the sender's weights (--weights), or ask for another bundle.",
        )
    for skeleton in profile.skeletons:
        if len(skeleton.vector()) != index.dimension:
            raise InputError(
                f"{bundle} with a mean that is no vector of {index.dimension} numbers",
                "means of the index's dimension",
                "Ask the sender for the bundle again.",
            )
        if len(runs_of(skeleton.text)) < FEWEST:
            raise InputError(
                f"{bundle} with a skeleton of fewer than {FEWEST} runs of five words",
                "skeletons that other people's prompts do not hold by chance",
                "Ask the sender for the bundle again.",
            )
