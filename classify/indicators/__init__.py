"""A campaign's signs to share without its prompts or accounts, and traffic that fits another's."""

from .files import Matched, export_file, match_bundle
from .profile import Profile
from .tables import match_table

__all__ = ["Matched", "Profile", "export_file", "match_bundle", "match_table"]
