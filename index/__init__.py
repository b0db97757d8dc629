"""Search, clusters and coverage over the vectors of prompts."""

from .areas import AreaMap, Placed
from .batches import cluster_index, find_clusters
from .clusters import Clusters, cluster
from .coverage import Coverage, cover, coverage_records
from .density import density_clusters
from .describe import describe
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
]
