"""The pages whose figures are checked, and what of their numbers follows from no row."""

from prose_benchmark import BENCHMARK
from prose_check import Page
from prose_front import FRONT
from prose_rows import ROOT
from prose_studies import LONG_TRAINING, STUDIES

_DEFINED = "a definition"
_NAME = "a name"
_SETTING = "what was run"
_OTHER = {
    "README.md": {"With Python 3.11 or newer": "a version"},
    "docs/results.md": {
        "(1: perfect, 0: no better than the mean)": _DEFINED,
        "(from 0 to 1)": _DEFINED,
        "(chance: 0.5)": _DEFINED,
        "the paper's tables 1 to 3,": _NAME,
        "counted in table 3": _NAME,
        "(table 2)": _NAME,
        "by more than .02 in": _SETTING,
        "below 0 in": _SETTING,
        "of 1,000 frames": "the unit",
        "95 % interval": _SETTING,
        "on 2 CPU cores without a GPU": _SETTING,
    },
}
_SENTENCES = {"README.md": FRONT, "docs/results.md": (*BENCHMARK, *STUDIES, *LONG_TRAINING)}


def pages() -> list[Page]:
    """Read the pages."""
    return [
        Page(name, (ROOT / name).read_text(), sentences, _OTHER[name])
        for name, sentences in _SENTENCES.items()
    ]
