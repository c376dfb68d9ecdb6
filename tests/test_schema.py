"""The schema accepts what a reader returns and refuses everything else with table, row, column, value and a way out."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from qbsbp import tracking
from qbsbp.schema import FOOTBALL, ULTIMATE, Column, Quirk, Rejected, Report, SchemaError, check, check_table
from tests.ultimate_cases import needs_real_data, real, simulated


@pytest.fixture
def tables():
    plays, frames = simulated(4, 3).plays, simulated(4, 3).frames
    return plays.copy(), frames.copy()


def test_what_a_reader_returns_passes_before_and_after_preparation(tables):
    check(*tables)
    prepared = tracking.prepare(simulated(4, 3))
    check(prepared.plays, prepared.frames, prepared.layout)
    assert set(prepared.frames.columns) == set(ULTIMATE.frames.names)


@needs_real_data
def test_the_real_tables_pass():
    prepared = tracking.prepare(real())
    check(prepared.plays, prepared.frames)


def set_cell(table: str, row: int, column: str, value: object):
    def change(plays: pd.DataFrame, frames: pd.DataFrame):
        changed = {"plays": plays, "frames": frames}
        data = changed[table]
        numeric = pd.api.types.is_numeric_dtype(data[column]) and isinstance(value, int | float)
        data[column] = data[column].astype(type(value) if numeric else object)
        data.loc[row, column] = value
        return changed["plays"], changed["frames"]

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            set_cell("frames", 40, "x", 2200.0),
            r"frames, row 40, column 'x', value .*2200.*: expected a number from -15 to",
        ),
        (set_cell("frames", 40, "x", np.nan), r"frames, row 40, column 'x', value .*nan.*: expected a number"),
        (set_cell("frames", 40, "y", np.inf), r"frames, row 40, column 'y', value .*inf.*: expected a number"),
        (set_cell("frames", 40, "x", "far"), r"frames, row 40, column 'x', value 'far': expected a number"),
        (
            set_cell("frames", 17, "frame_id", 1.5),
            r"frames, row 17, column 'frame_id', value .*1\.5.*: expected an integer",
        ),
        (
            set_cell("frames", 17, "player_id", 16),
            r"frames, row 17, column 'player_id', value .*16.*: expected an integer",
        ),
        (
            set_cell("frames", 17, "side", "attack"),
            r"frames, row 17, column 'side', value 'attack': expected one of offence",
        ),
        (
            set_cell("frames", 17, "disc_state", None),
            r"frames, row 17, column 'disc_state', value .*: expected one of held",
        ),
        (
            set_cell("frames", 17, "holds_disc", "no"),
            r"frames, row 17, column 'holds_disc', value 'no': expected True or",
        ),
        (
            set_cell("plays", 2, "throws", -1),
            r"plays, row 2, column 'throws', value .*-1.*: expected an integer of at least",
        ),
        (set_cell("plays", 2, "file", 7), r"plays, row 2, column 'file', value 7: expected text"),
    ],
)
def test_a_wrong_cell_is_shown(tables, change, message):
    with pytest.raises(SchemaError, match=message):
        check(*change(*tables))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p, f: (p, f.drop(columns="x")), "frames: expected the columns .* missing are x, unknown are none"),
        (lambda p, f: (p, f.assign(speed=0.0)), "frames: expected the columns .* missing are none, unknown are speed"),
        (lambda p, f: (p, f.astype({"x": str})), "frames, column 'x', dtype .*: expected .* Convert"),
        (lambda p, f: (p, f.astype({"frame_id": float})), "frames, column 'frame_id', dtype float64: .* Convert"),
        (lambda p, f: (pd.concat([p, p[:1]]), f), r"plays, row 4, columns \(game_id, play_id\).*Drop the repetitions"),
        (lambda p, f: (p, pd.concat([f, f[30:31]])), r"frames, row \d+, columns .*value \(game_id 1, .*Drop the repet"),
        (lambda p, f: (p[1:], f), r"frames, row 0, columns .*value \(1, 101\): expected a play that the table 'plays'"),
        (
            lambda p, f: (p, f[f["game_id"] > 1]),
            r"plays, row 0, columns .*value \(1, 101\): expected .* table 'frames'",
        ),
        (lambda p, f: (p, f.iloc[::-1]), "frames, row 1, columns .* expected rows sorted by these columns. Sort"),
        (lambda p, f: (p, f.drop(index=33)), "frames, row 30, column 'player_id', value 14 rows in frame 3 of play"),
        (
            lambda p, f: (p, f.drop(index=range(30, 45))),
            "frames, row 30, column 'frame_id', value 4: expected the frames",
        ),
        (lambda p, f: (p, f.drop(index=range(15))), "frames, row 0, column 'frame_id', value 2: expected the frames"),
    ],
)
def test_a_wrong_table_is_shown(tables, change, message):
    with pytest.raises(SchemaError, match=message):
        check(*change(*tables))


def test_every_column_says_what_it_means_and_numbers_of_length_have_a_unit():
    for table in (ULTIMATE.plays, ULTIMATE.frames):
        assert all(name in table.names for name in table.key)
        for column in table.columns:
            assert column.meaning
            if column.kind == "number":
                assert column.unit.startswith(ULTIMATE.length_unit)
    with pytest.raises(KeyError, match="no column 'z'; it has game_id"):
        ULTIMATE.frames["z"]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (Column("a", "number", "m", "yard", 0, 120), "a number from 0 to 120 yard"),
        (Column("a", "number", "m", "yard"), "a number in yard"),
        (Column("a", "integer", "m", low=1), "an integer of at least 1"),
        (Column("a", "category", "m", values=("u", "v")), "one of u, v"),
        (Column("a", "boolean", "m"), "True or False"),
    ],
)
def test_a_column_says_what_it_expects(column, expected):
    assert column.expected == expected


def test_a_report_counts_in_order_and_replaces_by_name():
    report = Report("source", (Quirk("a", 1, "kept"),)).add(Quirk("b", 2, "dropped"), Quirk("a", 3, "kept"))
    assert [(quirk.name, quirk.count) for quirk in report] == [("a", 3), ("b", 2)]
    assert report["b"] == 2
    assert list(report.table()["count"]) == [3, 2]
    assert re.search(r"source\n  a +3  kept\n  b +2  dropped", str(report))
    with pytest.raises(KeyError, match="no 'c'; it has a, b"):
        report["c"]


def test_a_report_names_rejected_plays_and_counts_them_by_reason():
    reasons = {"torn": "set aside", "late": "set aside too"}
    report = Report("source").add(Quirk("a", 5, "kept")).reject(reasons, Rejected("f.csv", 7, 1, "torn", "two holes"))
    assert [(quirk.name, quirk.count) for quirk in report] == [("a", 5), ("torn", 1), ("late", 0)]
    report = report.reject({"torn": "set aside"}, Rejected("f.csv", 7, 2, "torn"), Rejected("", 8, 1, "torn"))
    assert (report["torn"], report["late"]) == (3, 0)
    report = report.add(Quirk("b", 1, "dropped"))  # keeps them
    assert report.rejected_table().to_dict("list") == {
        "file": ["f.csv", "f.csv", ""], "game_id": [7, 7, 8], "play_id": [1, 2, 1],
        "reason": ["torn"] * 3, "detail": ["two holes", "", ""],
    }  # fmt: skip
    shown = r"source\n  a +5  kept\n  torn +3  set aside\n  late +0  set aside too\n  b +1  dropped"
    assert re.fullmatch(shown, str(report))
    with pytest.raises(ValueError, match="plays: expected the reasons torn, late, came 'lost'"):
        report.reject(reasons, Rejected("f.csv", 7, 1, "lost"))


def test_a_report_without_rejected_plays_has_an_empty_table_of_them():
    table = Report("source").rejected_table()
    assert table.empty
    assert list(table.columns) == ["file", "game_id", "play_id", "reason", "detail"]


def test_one_table_is_checked_alone(tables):
    check_table(ULTIMATE.plays, tables[0])
    with pytest.raises(SchemaError, match=r"plays, row 2, column 'throws', value .*-1"):
        check_table(ULTIMATE.plays, set_cell("plays", 2, "throws", -1)(*tables)[0])
    with pytest.raises(SchemaError, match=r"plays: expected the columns .*missing are season, week"):
        check_table(FOOTBALL.plays, tables[0])


def test_reports_of_parts_add_up_to_that_of_the_whole():
    first = Report("week 1", (Quirk("plays", 3, "kept"), Quirk("jumps", 1, "repaired")))
    second = Report("week 2", (Quirk("plays", 4, "kept"), Quirk("rows", 0.5, "filled")))
    whole = Report.merge([first, second])
    assert [(quirk.name, quirk.count, quirk.handled) for quirk in whole] == [
        ("plays", 7, "kept"),
        ("jumps", 1, "repaired"),
        ("rows", 0.5, "filled"),
    ]
    assert whole.source == "week 1; week 2"
    # parts of one source are of one source, and a part alone is the whole
    assert Report.merge([first, first]).source == "week 1"
    assert Report.merge([first]) == first
    assert Report.merge([]) == Report("")
    assert first["plays"] == 3  # the parts are left as they were


def test_merging_in_steps_is_merging_at_once():
    parts = [Report("a", (Quirk("x", n, "kept"), Quirk(f"y{n % 2}", 1, "dropped"))) for n in range(5)]
    assert Report.merge([Report.merge(parts[:2]), Report.merge(parts[2:])]) == Report.merge(parts)
