"""Do the slots hold objects? Accuracy, modularity and compactness, measured against labels."""

from slotenv.probe.dataset import Encode, Features, ProbeData, read_features
from slotenv.probe.detection import DetectionReport, TrueObjects, detection
from slotenv.probe.identity import ObjectPlaces, object_places, run_identity, slot_identity
from slotenv.probe.metrics import (
    METRICS,
    Metric,
    Metrics,
    balanced_accuracy,
    label_accuracies,
    metrics_of,
    slot_accuracy,
    slot_compactness,
    slot_importance,
    slot_modularity,
    weighted_modularity,
)
from slotenv.probe.paper import (
    PAPER_ABLATION,
    PAPER_ACCURACY,
    PAPER_DISENTANGLEMENT,
    PAPER_METHODS,
    paper_row,
)
from slotenv.probe.report import Identity, IdentityReport, ProbeCounts, ProbeReport
from slotenv.probe.run import probe_features, probe_transfer, run_probe

__all__ = [
    "METRICS",
    "PAPER_ABLATION",
    "PAPER_ACCURACY",
    "PAPER_DISENTANGLEMENT",
    "PAPER_METHODS",
    "DetectionReport",
    "Encode",
    "Features",
    "Identity",
    "IdentityReport",
    "Metric",
    "Metrics",
    "ObjectPlaces",
    "ProbeCounts",
    "ProbeData",
    "ProbeReport",
    "TrueObjects",
    "balanced_accuracy",
    "detection",
    "label_accuracies",
    "metrics_of",
    "object_places",
    "paper_row",
    "probe_features",
    "probe_transfer",
    "read_features",
    "run_identity",
    "run_probe",
    "slot_accuracy",
    "slot_compactness",
    "slot_identity",
    "slot_importance",
    "slot_modularity",
    "weighted_modularity",
]
