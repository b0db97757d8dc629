"""Logs in, and records out: traffic in one Arrow schema, whatever wrote it."""

from .areas import GENERAL, Area, load_areas
from .compose import write_simulation
from .errors import CapscopeError, FolderError, InputError, WeightsError
from .folder import Opened, commit, is_folder_of, open_folder
from .labels import read_labels
from .reader import read_traffic
from .schema import INSUFFICIENT, LABELS, SCHEMA, TRUTH, By
from .skipped import Skipped
from .traffic import Groups, Traffic
from .write import check_folder, check_output, json_line, replacing, write_records

__all__ = [
    "GENERAL",
    "INSUFFICIENT",
    "LABELS",
    "SCHEMA",
    "TRUTH",
    "Area",
    "By",
    "CapscopeError",
    "FolderError",
    "Groups",
    "InputError",
    "Opened",
    "Skipped",
    "Traffic",
    "WeightsError",
    "check_folder",
    "check_output",
    "commit",
    "is_folder_of",
    "json_line",
    "load_areas",
    "open_folder",
    "read_labels",
    "read_traffic",
    "replacing",
    "write_records",
    "write_simulation",
]
