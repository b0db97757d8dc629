"""Logs in, and records out: traffic in one Arrow schema, whatever wrote it."""

from .areas import GENERAL, Area, load_areas
from .errors import CacheError, CapscopeError, FolderError, InputError, WeightsError
from .folder import (
    Held,
    Opened,
    building,
    commit,
    describe_folder,
    hold,
    is_vacant,
    open_folder,
    sweep,
)
from .formats import Format, load_formats
from .labels import read_labels
from .locking import writing
from .manifest import is_folder_of, seal
from .plain import one_line, plain
from .reader import ReadOptions, convert, read_key, read_traffic
from .schema import INSUFFICIENT, LABELS, SCHEMA, TRUTH, By
from .simulation import write_simulation
from .skipped import Skipped
from .split import JOIN
from .stored import Stored, npy_bytes
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
    "Held",
    "InputError",
    "Opened",
    "ReadOptions",
    "Skipped",
    "Stored",
    "Traffic",
    "WeightsError",
    "building",
    "check_folder",
    "check_output",
    "commit",
    "convert",
    "describe_folder",
    "hold",
    "is_folder_of",
    "is_vacant",
    "json_line",
    "load_areas",
    "load_formats",
    "npy_bytes",
    "one_line",
    "open_folder",
    "plain",
    "read_key",
    "read_labels",
    "read_traffic",
    "replacing",
    "seal",
    "sweep",
    "write_records",
    "write_simulation",
    "writing",
]
