"""Verdicts: features of sessions, a calibrated classifier, evidence; training and measuring it."""

from .classifier import SessionClassifier
from .evaluate import evaluate
from .features import Features, compute_features
from .files import Summary, evaluate_files, label_files, promote_files, train_files
from .label import Verdict, label
from .model import SessionModel, load_model, save_model
from .promote import Comparison
from .tables import differences_table, figures_table, verdict_table
from .train import train

__all__ = [
    "Comparison",
    "Features",
    "SessionClassifier",
    "SessionModel",
    "Summary",
    "Verdict",
    "compute_features",
    "differences_table",
    "evaluate",
    "evaluate_files",
    "figures_table",
    "label",
    "label_files",
    "load_model",
    "promote_files",
    "save_model",
    "train",
    "train_files",
    "verdict_table",
]
