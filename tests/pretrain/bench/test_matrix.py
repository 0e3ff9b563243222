import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from pretrain.bench import cell as cell_module
from pretrain.bench.cell import fingerprint
from pretrain.bench.matrix import PAPER_GAMES, Cell, cells_of
from pretrain.bench.results.rows import read_rows
from pretrain.config import BenchConfig
from pretrain.methods import METHODS
from slotenv.encoders import SlotMapEncoder


def test_the_default_is_the_papers_games_and_every_default_method() -> None:
    cells = cells_of(BenchConfig())
    assert len(PAPER_GAMES) == 20
    assert len(cells) == 20 * len(BenchConfig().methods)


def test_cells_go_game_by_game_and_references_have_one_seed() -> None:
    config = BenchConfig(
        games=("ALE/Pong-v5", "MsPacman", "pong"), methods=("scn", "mean", "scn"), seeds=(3, 4)
    )
    assert cells_of(config) == [
        Cell(game, method, seed=seed)
        for game in ("pong", "mspacman")
        for method, seed in (("scn", 3), ("scn", 4), ("mean", 3))
    ]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (Cell("pong", "objects"), "c83585417f9d0786"),
        (Cell("pong", "objects_held"), "08bc3d0296d4b68c"),
        (Cell("pong", "scn"), "4af7b9b811e9de55"),
        (
            Cell("pong", "scn", ("diversity_weight=0.3", "share_projection=false")),
            "7d2011bfbdde5f06",
        ),
    ],
)
def test_rows_that_were_measured_stay_those_of_their_cells(cell: Cell, expected: str) -> None:
    assert fingerprint(BenchConfig(), cell) == expected


def test_published_rows_are_those_of_the_commands_in_them() -> None:
    """A changed fingerprint would have finished benchmarks done again."""
    path = Path(__file__).parents[3] / "examples" / "results" / "bench" / "rows.jsonl"
    rows = {row["identity"]: row for row in read_rows([path])}
    assert len(rows) > 200
    for row in rows.values():
        words = iter(shlex.split(row["command"])[4:])
        flags = {word[2:].replace("-", "_"): next(words) for word in words if word != "--curve"}
        named = {name: (flags.pop(name),) for name in ("games", "methods")}
        seeds = (int(flags.pop("seeds")),)
        sizes = {name: int(size) for name, size in flags.items()}
        config = BenchConfig(**named, seeds=seeds, **sizes)  # type: ignore[arg-type]
        (cell,) = cells_of(config)
        assert fingerprint(config, cell) == row["identity"], row["command"]


def test_held_slots_keep_their_name_in_benchmarks() -> None:
    (cell,) = cells_of(BenchConfig(games=("pong",), methods=("objects_held",)))
    assert (cell.title, str(cell)) == ("Objects, held", "pong objects_held seed 0")
    made = replace(METHODS["objects"], name="objects_held", title="Objects, held")
    assert cell.resolved == made


def test_held_slots_are_probed_held(
    tiny_encoder: SlotMapEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_encoder.save_pretrained(tmp_path)
    monkeypatch.setattr(cell_module, "read_slots", lambda encoder, store, hold: hold)
    for name, hold in (("objects_held", True), *((name, False) for name in METHODS)):
        found, _ = cell_module.features_of(name, "pong", tmp_path, ["a store"], "cpu")  # type: ignore[list-item]
        assert found == [hold]


def test_settings_are_parsed_and_order_does_not_matter() -> None:
    texts = ("scn:diversity_weight=0.3,share_projection=false",)
    texts += ("scn:share_projection=false,diversity_weight=0.3",)
    (cell,) = cells_of(BenchConfig(games=("pong",), methods=texts))
    assert cell.resolved.settings == {"diversity_weight": 0.3, "share_projection": False}
    assert cell.title == "SCN (diversity_weight=0.3, share_projection=false)"
    assert cell.argument == texts[0]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"games": ("Pnog",)}, "no labels to probe for 'Pnog'; closest: pong"),
        ({"games": ("Alien",)}, "no labels to probe for 'Alien'"),
        ({"methods": ("snc",)}, "no method named 'snc'; there are random, scn"),
        ({"methods": ("scn:weight=1",)}, "no setting 'weight' .*its settings are diversity_weight"),
        ({"methods": ("scn:slot_dim=8",)}, "no setting 'slot_dim'"),
        ({"methods": ("scn:diversity_weight",)}, "settings are NAME=VALUE"),
        ({"methods": ("scn:diversity_weight=x",)}, "'x' in 'diversity_weight=x' is no finite"),
        ({"methods": ("random:a=1",)}, "no setting 'a' .*it has none"),
        ({"methods": ("pixels:a=1",)}, "'pixels' is a reference and has no settings"),
    ],
)
def test_what_is_unknown_is_refused(changes: dict[str, tuple[str, ...]], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        cells_of(BenchConfig(**changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"updates": 0}, "updates must be at least 1"),
        ({"batch_size": 1}, "batch_size must be at least 2"),
        ({"seeds": (1_000_000,)}, "larger ones are for probes"),
        ({"seeds": ()}, "at least one method and one seed"),
        ({"jobs": 2, "ray": "auto"}, "jobs is for this machine"),
    ],
)
def test_impossible_sizes_are_refused(changes: dict[str, object], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        BenchConfig(**changes)  # type: ignore[arg-type]


def test_folders_differ_where_trainings_do() -> None:
    usual, cell = BenchConfig(), Cell("pong", "scn", ("diversity_weight=0.3",), 2)
    assert cell.folder(usual).name == "scn-diversity_weight=0.3-s2"
    assert (
        Cell("pong", "scn").folder(BenchConfig(batch_size=64, run_length=8)).name == "scn-b64-r8-s0"
    )
    assert Cell("pong", "mean").folder(BenchConfig(batch_size=64)).name == "mean-s0"
    odd = [Cell("pong", "scn", (f'center_diversity="{c}"',)).folder(usual).name for c in "/?"]
    assert len(set(odd)) == 2
    assert not any("/" in name for name in odd)
