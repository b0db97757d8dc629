"""What is shared of a campaign: words that many of its accounts sent, means, shares and counts."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

VERSION = 1
"""Raise it when what the fields mean changes; `read_bundle` refuses other numbers by name."""
MOST_SKELETONS, LONGEST = 32, 8_000
"""Skeletons of a profile, and characters of one."""

Count = Annotated[int, Field(ge=0, le=10**12)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Name = Annotated[str, Field(min_length=1, max_length=200)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Skeleton(_Strict):
    """Fixed words of one template.

    Attributes:
        text: the words, each slot as `{}`.
        accounts: how many of the group sent a prompt that fits.
        prompts: how many different prompts of the group fit.
        outside: how many of the sender's other accounts sent one that fits.
        mean: the mean vector of prompts that fit, eight bits a number, base64.
        near: a prompt also fits where its cosine with the mean is above.
    """

    text: Annotated[str, Field(min_length=1, max_length=LONGEST)]
    accounts: Count
    prompts: Count
    outside: Count
    mean: Annotated[str, Field(max_length=16_384)]
    near: Annotated[float, Field(ge=-1.0, le=1.0)]

    def vector(self) -> NDArray[np.float32]:
        """Return the mean as a unit vector (dimension,); empty where it is no such thing."""
        try:
            numbers = np.frombuffer(base64.b64decode(self.mean, validate=True), dtype=np.int8)
        except (binascii.Error, ValueError):
            return np.empty(0, np.float32)
        found = numbers.astype(np.float32)
        length = float(np.linalg.norm(found))
        return found / length if length else np.empty(0, np.float32)


class Cell(_Strict):
    """How often a cell of a capability area was asked for."""

    area: Name
    cell: Name
    share: Share


class Schedule(_Strict):
    """When the group asks, in UTC; `quiet_hours` have under a quarter of an even share."""

    first: Name
    last: Name
    hours: Annotated[list[Share], Field(min_length=24, max_length=24)]
    quiet_hours: Annotated[list[Annotated[int, Field(ge=0, le=23)]], Field(max_length=24)] = []
    burstiness: Annotated[float, Field(ge=-1.0, le=1.0)] | None = None


class Pivot(_Strict):
    """How the group's accounts turned to a launched model; as in a record of `campaigns`."""

    model: Name
    launch: Name
    launch_found: bool
    active: Count
    moved: Count
    share: Share
    cohort_share: Share
    effect: Annotated[float, Field(ge=-1.0, le=1.0)]
    p_value: Share
    q_value: Share


class Outside(_Strict):
    """How many accounts of the sender, outside the group, matched by the rule of this version.

    Attributes:
        accounts: how many there are.
        matched: how many of them matched.
        at_most: 95 % upper bound of the rate (Clopper and Pearson 1934).
    """

    accounts: Count
    matched: Count
    at_most: Share


class Profile(_Strict):
    """A campaign without its prompts and accounts."""

    version: Literal[1] = 1
    campaign_id: Name
    kind: Literal["campaign", "relay", "shared_use"]
    label: Literal["organic", "extraction", "insufficient_evidence"]
    score: Share | None = None
    accounts: Count
    prompts: Count
    encoder: Name
    areas: Annotated[dict[Name, Share], Field(max_length=64)]
    cells: Annotated[list[Cell], Field(max_length=256)] = []
    division: Annotated[float, Field(ge=0.0)] | None = None
    schedule: Schedule | None = None
    pivot: Pivot | None = None
    outside: Outside
    account_hashes: Annotated[list[Name], Field(max_length=100_000)] = []
    skeletons: Annotated[list[Skeleton], Field(min_length=1, max_length=MOST_SKELETONS)]


def quantised(vector: NDArray[np.float32]) -> str:
    """Write a vector (dimension,) with eight bits a number, its largest as 127 or -127."""
    numbers = np.rint(vector * (127.0 / np.abs(vector).max())).astype(np.int8)
    return base64.b64encode(numbers.tobytes()).decode("ascii")
