"""Verdicts: features of sessions, a calibrated classifier, evidence; training and measuring it."""

from .classifier import SessionClassifier
from .columns import sample
from .evaluate import evaluate
from .features import Features, compute_features
from .files import Summary, evaluate_files, label_files, promote_files, train_files
from .judged import KeptVerdicts, judge_index, read_judged
from .label import Verdict, label
from .measures import MEASURES
from .model import SessionModel, load_model, model_folder, save_model
from .promote import Comparison
from .tables import differences_table, figures_table, verdict_table
from .train import train

__all__ = [
    "MEASURES",
    "Comparison",
    "Features",
    "KeptVerdicts",
    "SessionClassifier",
    "SessionModel",
    "Summary",
    "Verdict",
    "compute_features",
    "differences_table",
    "evaluate",
    "evaluate_files",
    "figures_table",
    "judge_index",
    "label",
    "label_files",
    "load_model",
    "model_folder",
    "promote_files",
    "read_judged",
    "sample",
    "save_model",
    "train",
    "train_files",
    "verdict_table",
]
