"""Campaigns: accounts that move together, and traffic that turns on a launch."""

from .campaign import Campaign, find_campaigns
from .corpus import Corpus
from .files import campaign_files
from .judge import Judge
from .pivot import Launch, read_launches
from .tables import campaign_table

__all__ = [
    "Campaign",
    "Corpus",
    "Judge",
    "Launch",
    "campaign_files",
    "campaign_table",
    "find_campaigns",
    "read_launches",
]
