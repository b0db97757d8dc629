"""Logs in, and records out: traffic in one Arrow schema, whatever wrote it."""

from .areas import GENERAL, Area, load_areas
from .errors import CacheError, CapscopeError, FolderError, InputError, WeightsError
from .folder import Opened, commit, is_folder_of, open_folder
from .formats import Format, load_formats
from .labels import read_labels
from .reader import ReadOptions, convert, read_key, read_traffic
from .schema import INSUFFICIENT, LABELS, SCHEMA, TRUTH, By
from .simulation import write_simulation
from .skipped import Skipped
from .split import JOIN
from .traffic import Groups, Traffic
from .write import check_folder, check_output, json_line, replacing, write_records

__all__ = [
    "GENERAL",
    "INSUFFICIENT",
    "JOIN",
    "LABELS",
    "SCHEMA",
    "TRUTH",
    "Area",
    "By",
    "CacheError",
    "CapscopeError",
    "FolderError",
    "Format",
    "Groups",
    "InputError",
    "Opened",
    "ReadOptions",
    "Skipped",
    "Traffic",
    "WeightsError",
    "check_folder",
    "check_output",
    "commit",
    "convert",
    "is_folder_of",
    "json_line",
    "load_areas",
    "load_formats",
    "open_folder",
    "read_key",
    "read_labels",
    "read_traffic",
    "replacing",
    "write_records",
    "write_simulation",
]
