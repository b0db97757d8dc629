"""Search, clusters and coverage over the vectors of prompts."""

from .areas import AreaMap, Placed
from .clusters import Clusters, cluster, describe
from .coverage import Cells, Coverage
from .forget import Forgotten, compact, forget
from .groups import Scope, read_accounts
from .queries import find_similar, similar, similar_to_lines, similar_to_row
from .ranking import cover, coverage_records
from .search import Chosen, Filter, matches, nearest
from .store import PromptIndex, open_index
from .tables import similar_table
from .writer import Added, add

__all__ = [
    "Added",
    "AreaMap",
    "Cells",
    "Chosen",
    "Clusters",
    "Coverage",
    "Filter",
    "Forgotten",
    "Placed",
    "PromptIndex",
    "Scope",
    "add",
    "cluster",
    "compact",
    "cover",
    "coverage_records",
    "describe",
    "find_similar",
    "forget",
    "matches",
    "nearest",
    "open_index",
    "read_accounts",
    "similar",
    "similar_table",
    "similar_to_lines",
    "similar_to_row",
]
