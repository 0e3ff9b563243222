"""The verb that counts how often an object's slot changes."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pretrain.bench.identity import identity_table
from pretrain.cli import main
from pretrain.config import BenchConfig
from slotenv import records


def test_rows_and_table_of_a_finished_bench(
    toy: Callable[..., BenchConfig], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench, out = toy().out, tmp_path / "identity"
    arguments = ["upkeep", "identity", "--bench", str(bench), "--out", str(out)]
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert "no encoder of method objects" in capsys.readouterr().err
    data = bench / "pong" / "data" / "pretrain-0"
    folder = bench / "pong" / "objects-s0"
    main(["train", "--data", str(data), "--out", str(folder), "--threads", "1"])
    main([*arguments, "--frames", "200"])
    (row,) = [json.loads(line) for line in (out / "identity.jsonl").read_text().splitlines()]
    assert (row["game"], row["frames"]) == ("pong", 200)
    assert set(row["objects"]) == set(row["followed"]["objects"]) == {"player", "enemy", "ball"}
    assert "| pong |" in (out / "identity.md").read_text()
    table = (out / "identity.md").read_text()
    capsys.readouterr()
    main([*arguments, "--frames", "200"])  # done before: nothing is measured again
    assert "changes per 1,000 frames" not in capsys.readouterr().out
    assert (out / "identity.md").read_text() == table
    main([*arguments, "--frames", "100"])
    path = out / "identity.jsonl"
    row = json.loads(path.read_text())
    assert row["frames"] == 100
    # Another game, measured before with as many frames, stays; with others, it goes.
    others = [{**row, "game": game, "key": f"w c {n}"} for game, n in (("boxing", 100), ("x", 9))]
    records.write_lines(path, [row, *others])
    main([*arguments, "--frames", "100"])
    main([*arguments, "--frames", "100", "--games", "Pong"])
    assert "| boxing |" in (out / "identity.md").read_text()
    assert "| x |" not in (out / "identity.md").read_text()
    path.write_text(json.dumps(row)[:50])
    with pytest.raises(SystemExit) as stopped:
        main([*arguments, "--frames", "100"])
    assert stopped.value.code == 2
    assert "identity.jsonl, line 1 is not valid JSON" in capsys.readouterr().err


def test_table_by_hand() -> None:
    def row(game: str, assigned: int, changes: int, doubles: int) -> dict[str, object]:
        per = 1000 * changes / assigned if assigned else None
        overall = {"assigned": assigned, "changes": changes, "doubles": doubles}
        overall |= {"share": assigned / 1000, "changes_per_thousand": per}
        followed = {"overall": {"changes_per_thousand": None if per is None else per / 8}}
        found = {"objects": {"a": 1, "b": 2}, "overall": overall, "followed": followed}
        return {"game": game, "num_slots": 4, **found}

    rows = [row("pong", 500, 50, 10), row("tennis", 1000, 0, 0), row("skiing", 0, 0, 0)]
    lines = identity_table(rows).splitlines()
    assert lines[2] == "| pong | 4 | 2 | 0.500 | 100.0 | 80.0 | 12.5 |"
    assert lines[4] == "| skiing | 4 | 2 | 0.000 | - | - | - |"
    assert lines[5] == "| **mean of 2 games** |  |  | 0.750 | 50.0 | 40.0 | 6.2 |"
