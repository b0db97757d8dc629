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
from .inputs import describe_inputs
from .labels import read_labels
from .locking import writing
from .manifest import Entry, is_folder_of, read_manifest, seal, write_manifest
from .plain import one_line, plain
from .reader import ReadOptions, convert, read_key, read_traffic
from .schema import INSUFFICIENT, LABELS, SCHEMA, TRUTH, By
from .shards import Shard, write_shards
from .simulation import write_simulation
from .skipped import Skipped
from .split import JOIN
from .stage import hash_identifier
from .stored import Stored, npy_bytes
from .traffic import Groups, Traffic
from .write import (
    StoredRecords,
    check_folder,
    check_output,
    json_line,
    replacing,
    write_records,
)

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
    "Entry",
    "Format",
    "Groups",
    "Held",
    "InputError",
    "Opened",
    "ReadOptions",
    "Shard",
    "Skipped",
    "Stored",
    "StoredRecords",
    "Traffic",
    "WeightsError",
    "building",
    "check_folder",
    "check_output",
    "commit",
    "convert",
    "describe_folder",
    "describe_inputs",
    "hash_identifier",
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
    "read_manifest",
    "read_traffic",
    "replacing",
    "seal",
    "sweep",
    "write_manifest",
    "write_records",
    "write_shards",
    "write_simulation",
    "writing",
]
