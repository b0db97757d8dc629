"""Verdicts: features of sessions, a calibrated classifier, evidence; training and measuring it."""

from .classifier import SessionClassifier
from .evaluate import evaluate
from .features import Features, compute_features
from .files import Summary, evaluate_files, label_files, train_files
from .label import Verdict, label
from .model import SessionModel, load_model, save_model
from .tables import figures_table, verdict_table
from .train import train

__all__ = [
    "Features",
    "SessionClassifier",
    "SessionModel",
    "Summary",
    "Verdict",
    "compute_features",
    "evaluate",
    "evaluate_files",
    "figures_table",
    "label",
    "label_files",
    "load_model",
    "save_model",
    "train",
    "train_files",
    "verdict_table",
]
