"""Campaigns: accounts that move together, and traffic that turns on a launch."""

from .campaign import Campaign, find_campaigns
from .corpus import Corpus
from .current import current_groups, state_of
from .files import campaign_files
from .judge import Judge
from .kept import Kept
from .labelled import prior_of, with_campaigns
from .pivot import Launch, read_launches
from .portrait import Portrait, portray
from .tables import campaign_table
from .ties import Ties, find_ties

__all__ = [
    "Campaign",
    "Corpus",
    "Judge",
    "Kept",
    "Launch",
    "Portrait",
    "Ties",
    "campaign_files",
    "campaign_table",
    "current_groups",
    "find_campaigns",
    "find_ties",
    "portray",
    "prior_of",
    "read_launches",
    "state_of",
    "with_campaigns",
]
