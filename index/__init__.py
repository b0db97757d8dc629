"""Search, clusters and coverage over the vectors of prompts."""

from .areas import AreaMap, Placed
from .batches import cluster_index, find_clusters
from .clusters import Clusters, cluster
from .coverage import Cells, Coverage
from .density import density_clusters
from .describe import describe
from .forget import Forgotten, compact, forget
from .groups import Scope, read_accounts
from .map import check_map_outputs, write_map
from .placing import ClusterModel, Placement
from .positions import Positions, kept_positions, map_index
from .queries import find_similar, similar, similar_to_lines, similar_to_row
from .ranking import cover, coverage_records
from .search import Chosen, Filter, Match, find_matches, matches, nearest
from .senders import NEVER
from .sessions import Sessions, find_sessions
from .shares import CellShares, cell_shares
from .store import PromptIndex, open_index
from .tables import similar_table
from .writer import Added, add

__all__ = [
    "Added",
    "AreaMap",
    "CellShares",
    "Cells",
    "Chosen",
    "ClusterModel",
    "Clusters",
    "Coverage",
    "Filter",
    "Forgotten",
    "Match",
    "NEVER",
    "Placed",
    "Placement",
    "Positions",
    "PromptIndex",
    "Scope",
    "Sessions",
    "add",
    "cell_shares",
    "check_map_outputs",
    "cluster",
    "cluster_index",
    "compact",
    "cover",
    "coverage_records",
    "density_clusters",
    "describe",
    "find_clusters",
    "find_matches",
    "find_sessions",
    "find_similar",
    "forget",
    "kept_positions",
    "map_index",
    "matches",
    "nearest",
    "open_index",
    "read_accounts",
    "similar",
    "similar_table",
    "similar_to_lines",
    "similar_to_row",
    "write_map",
]
