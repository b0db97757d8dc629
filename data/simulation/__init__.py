"""Labelled traffic with known campaigns: what models are trained on and measured by."""

from .compose import simulate, write_simulation
from .mix import Mix, load_mix

__all__ = ["Mix", "load_mix", "simulate", "write_simulation"]
