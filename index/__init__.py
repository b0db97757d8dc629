"""Search, clusters and coverage over the vectors of prompts."""

from .areas import AreaMap, Placed
from .clusters import Clusters, cluster, describe
from .coverage import Cells, Coverage
from .groups import Scope, read_accounts
from .ranking import cover, coverage_records
from .search import Filter, nearest, similar
from .store import Added, PromptIndex, add, open_index

__all__ = [
    "Added",
    "AreaMap",
    "Cells",
    "Clusters",
    "Coverage",
    "Filter",
    "Placed",
    "PromptIndex",
    "Scope",
    "add",
    "cluster",
    "cover",
    "coverage_records",
    "describe",
    "nearest",
    "open_index",
    "read_accounts",
    "similar",
]
