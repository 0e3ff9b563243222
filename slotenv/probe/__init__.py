"""Do the slots hold objects? Measured against labels, and against boxes of objects.

What each measure says and when it is fooled: docs/judging-slots.md in the repository.
"""

from slotenv.probe.dataset import Encode, Features, ProbeData, read_features
from slotenv.probe.detection import DetectionReport, TrueObjects, detection
from slotenv.probe.disentanglement import (
    slot_compactness,
    slot_importance,
    slot_modularity,
    slot_variance,
    variance_importance,
    weighted_modularity,
)
from slotenv.probe.identity import run_identity, slot_identity
from slotenv.probe.metrics import (
    METRICS,
    Metric,
    Metrics,
    balanced_accuracy,
    label_accuracies,
    metrics_of,
    slot_accuracy,
)
from slotenv.probe.named import held_boxes, named_slots
from slotenv.probe.paper import (
    PAPER_ABLATION,
    PAPER_ACCURACY,
    PAPER_DISENTANGLEMENT,
    PAPER_METHODS,
    paper_row,
)
from slotenv.probe.places import ObjectPlaces, object_places
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
    "held_boxes",
    "label_accuracies",
    "metrics_of",
    "named_slots",
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
    "slot_variance",
    "variance_importance",
    "weighted_modularity",
]
