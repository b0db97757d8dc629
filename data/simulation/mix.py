"""A mix: which sessions, campaigns, relays and products simulated traffic is made of."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ..areas import load_areas
from ..errors import InputError

ORGANIC_KINDS = (
    "person",
    "coherent_prompts",
    "shared_account",
    "occasional",
    "application",
    "application_chat",
    "application_grading",
)
EXTRACTION_KINDS = (
    "swept_source",
    "wrapped_source",
    "grid",
    "ladder",
    "several_areas",
    "paraphrase_rotation",
    "diluted",
    "slow_and_low",
)
SLOW_KINDS = ("occasional", "slow_and_low")
"""Few prompts, far apart: as likely a light user as an operator who hides among them."""

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Range = tuple[Count, Count]
Name = Annotated[str, Field(min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Launch(_Strict):
    """A model that appears during the traffic; `adoption` of all accounts move to it in time."""

    model: Name
    day: Annotated[float, Field(ge=0)]
    adoption: Share


class Sources(_Strict):
    """Which sources of the pool to use: all, but for these."""

    without: tuple[Name, ...] = ()
    only: tuple[Name, ...] = ()


class Campaign(_Strict):
    """Accounts that extract together: one operator's templates and tasks, dealt out among them.

    `areas` are shares of its sessions; `organic` is the share of organic prompts mixed in; `pivot`
    is the share of accounts that move to the launched model within a day of its launch. `recipes`
    names the wrappers and grids that it keeps to; without any, they are drawn.
    """

    name: Name
    accounts: Count
    areas: dict[str, Share]
    templates: Count = 4
    organic: Annotated[float, Field(ge=0, le=0.9)] = 0.0
    pivot: Share | None = None
    recipes: tuple[Name, ...] = ()

    @model_validator(mode="after")
    def _areas_are_known(self) -> Campaign:
        known = [area.name for area in load_areas()]
        if unknown := sorted(set(self.areas) - set(known)):
            raise ValueError(f"areas: no area {', '.join(unknown)} among {', '.join(known)}")
        _check_sum("areas", self.areas)
        return self


class Relay(_Strict):
    """Accounts that pass on other people's organic prompts, one suffix added to each."""

    name: Name
    accounts: Count


class Products(_Strict):
    """Production applications, each with many customers that have accounts of their own."""

    count: Count
    accounts: Count


class Mix(_Strict):
    """What `simulate` composes.

    `shares` are of the sessions that belong to no campaign, relay or product. `system` is the share
    of accounts with a system prompt. Prompts a session and sessions an account are log-uniform
    between two numbers, for every kind alike.
    """

    prompts_per_session: Range
    sessions_per_account: Range
    days: Count
    system: Share
    models: dict[Name, Share]
    shares: dict[str, Share]
    launch: Launch | None = None
    sources: Sources = Sources()
    campaign: tuple[Campaign, ...] = ()
    relay: tuple[Relay, ...] = ()
    products: Products | None = None

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Mix:
        for name in ("prompts_per_session", "sessions_per_account"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"{name}: {low} is more than {high}")
        if unknown := sorted(set(self.shares) - {*ORGANIC_KINDS, *EXTRACTION_KINDS}):
            known = ", ".join((*ORGANIC_KINDS, *EXTRACTION_KINDS))
            raise ValueError(f"shares: no kind {', '.join(unknown)} among {known}")
        _check_sum("shares", self.shares)
        _check_sum("models", self.models)
        if self.sources.only and self.sources.without:
            raise ValueError("sources: only and without contradict each other")
        if self.launch and self.launch.day >= self.days:
            raise ValueError(f"launch: day {self.launch.day:g} is not within {self.days} days")
        names = [one.name for one in self.campaign] + [one.name for one in self.relay]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"{', '.join(twice)} is named twice")
        if not self.launch and any(campaign.pivot is not None for campaign in self.campaign):
            raise ValueError("a campaign has a pivot, but there is no launch")
        return self


def load_mix(named: str) -> Mix:
    """Load a shipped mix by its name, or a TOML file; what it leaves out is as in `standard`.

    Raises:
        InputError: there is no such mix, or it contradicts itself.
    """
    shipped = files(__package__).joinpath("mixes")
    names = sorted(entry.name.removesuffix(".toml") for entry in shipped.iterdir())
    path = shipped.joinpath(f"{named}.toml") if named in names else Path(named)
    try:
        own = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(
            f"the mix {named} cannot be read ({error})",
            f"a TOML file, or one of {', '.join(names)}",
            "Check the path.",
        ) from error
    standard = tomllib.loads(shipped.joinpath("standard.toml").read_text(encoding="utf-8"))
    try:
        return Mix.model_validate(standard | own)
    except ValidationError as error:
        raise InputError(
            f"the mix {named}: {'; '.join(_told(mistake) for mistake in error.errors())}",
            "what docs/evaluation.md says of a mix",
            "Correct the file.",
        ) from error


def _check_sum(name: str, shares: dict[str, float]) -> None:
    if abs(sum(shares.values()) - 1) > 1e-6:
        raise ValueError(f"{name}: the shares sum to {sum(shares.values()):g}, not to 1")


def _told(mistake: Any) -> str:  # noqa: ANN401
    """Say one of pydantic's mistakes on a line: where, what was found, what was expected."""
    where = ".".join(map(str, mistake["loc"]))
    if mistake["type"] == "value_error":
        return f"{where} {mistake['ctx']['error']}".strip()
    return f"{where} is {mistake['input']!r}: {mistake['msg'].lower()}"
