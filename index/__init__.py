"""Search, clusters and coverage over the vectors of prompts."""

from .areas import AreaMap, Placed
from .batches import cluster_index, find_clusters
from .clusters import Clusters, cluster
from .coverage import Coverage, cover, coverage_records
from .density import density_clusters
from .describe import describe
from .map import check_map_outputs, write_map
from .placing import ClusterModel, Placement
from .search import Filter, nearest, similar
from .store import Added, PromptIndex, add, open_index

__all__ = [
    "Added",
    "AreaMap",
    "ClusterModel",
    "Clusters",
    "Coverage",
    "Filter",
    "Placed",
    "Placement",
    "PromptIndex",
    "add",
    "check_map_outputs",
    "cluster",
    "cluster_index",
    "cover",
    "coverage_records",
    "density_clusters",
    "describe",
    "find_clusters",
    "nearest",
    "open_index",
    "similar",
    "write_map",
]
