"""The reader of Parquet seasons refuses what is no sound season. Round trips are in tests/data_synth/test_write.py."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from qbsbp.datasets import synthetic
from qbsbp.schema import FOOTBALL, SchemaError
from tests.football_cases import TinySeason, write


@pytest.fixture
def season() -> TinySeason:
    return TinySeason()


def test_tables_and_report(season, tmp_path):
    write(season, tmp_path / "season", progress=False)
    tracking = synthetic.read(tmp_path / "season", progress=False)
    assert tracking.layout is FOOTBALL
    assert tracking.report["plays"] == 28
    assert tracking.report["plays_turned"] == 14
    assert "season 2026, seed 5" in str(tracking.report)
    assert tracking.frames["side"].dtype == "category"
    assert tracking.frames["x"].dtype == np.float32


def test_pandas_reads_the_same_files(season, tmp_path):
    """The folders are named as other tools name partitions, so that a season can be read without this package."""
    write(season, tmp_path / "season", progress=False)
    frames = pd.read_parquet(tmp_path / "season" / "frames")
    assert len(frames) == len(season.frames)
    assert frames["week"].astype(int).value_counts().to_dict() == {
        week: len(season.week_frames(week)) for week in season.weeks
    }
    skills = pd.read_csv(tmp_path / "season" / "skills.csv")
    assert skills["accuracy"].tolist() == season.skills["accuracy"].tolist()


def test_a_table_that_breaks_the_schema_is_refused(season, tmp_path):
    season.parts[2].loc[7, "x"] = np.float32(200)
    write(season, tmp_path / "season", progress=False)
    with pytest.raises(SchemaError, match=r"frames, row 7, column 'x', value .*200"):
        synthetic.read(tmp_path / "season", progress=False)
    assert set(synthetic.read(tmp_path / "season", weeks=[1], progress=False).plays["week"]) == {1}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda plays: plays.drop(columns="week"), r"plays: expected the columns .*; missing are week, unknown are no"),
        (lambda plays: plays.astype({"week": str}), r"plays, column 'week', dtype .*: expected an integer from 1 to 3"),
        (lambda plays: plays.assign(down="many"), r"plays, row 0, column 'down', value 'many': expected an integer fr"),
    ],
)
def test_plays_with_a_missing_column_or_a_wrong_type_are_refused(season, tmp_path, change, message):
    season.plays = change(season.plays)
    write(season, tmp_path / "season", progress=False)
    with pytest.raises(SchemaError, match=message):
        synthetic.read(tmp_path / "season", progress=False)


def test_a_file_that_is_no_parquet_is_refused_even_unverified(season, tmp_path):
    write(season, tmp_path / "season", progress=False)
    path = tmp_path / "season" / "plays.parquet"
    path.write_bytes(b"?" * path.stat().st_size)
    with pytest.raises(ValueError, match="expected sha256"):
        synthetic.read(tmp_path / "season", progress=False)
    with pytest.raises(ValueError, match=r"plays\.parquet: expected a Parquet file, and .*Write the season again"):
        synthetic.read(tmp_path / "season", verify=False, progress=False)


def test_a_directory_that_is_none_is_refused(tmp_path):
    for reader in (synthetic.read, synthetic.truth):
        with pytest.raises(FileNotFoundError, match="expected an existing directory"):
            reader(tmp_path / "none")


def test_no_weeks_are_refused(season, tmp_path):
    write(season, tmp_path / "season", progress=False)
    with pytest.raises(ValueError, match=r"weeks: expected some of 1, 2, which .* has, came none"):
        synthetic.read(tmp_path / "season", weeks=[], progress=False)


def test_files_of_weeks_are_those_that_a_week_is_read_from(season, tmp_path):
    write(season, tmp_path / "season", progress=False)
    files = synthetic.files_of_weeks(tmp_path / "season")
    assert files == {week: ("plays.parquet", f"frames/week={week}/part-0.parquet") for week in (1, 2)}
    # and from no other, but for the manifest that says what belongs there
    needed = [tmp_path / "season" / name for name in (*files[2], "manifest.json")]
    for path in (tmp_path / "season").rglob("*"):
        if path.is_file() and path not in needed:
            path.write_bytes(b"?" * path.stat().st_size)
    assert set(synthetic.read(tmp_path / "season", weeks=[2], progress=False).plays["week"]) == {2}


def test_a_folder_of_another_layout_has_no_files_of_weeks(season, tmp_path):
    write(season, tmp_path / "bowl", "big_data_bowl_2023", progress=False)
    assert synthetic.files_of_weeks(tmp_path / "bowl") == {}
    with pytest.raises(FileNotFoundError, match="expected an existing directory"):
        synthetic.files_of_weeks(tmp_path / "none")
