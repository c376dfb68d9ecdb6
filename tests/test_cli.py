"""The command line says what it did, and fails with a sentence instead of a traceback."""

from __future__ import annotations

import errno

import pytest

from data_synth.league import LeagueConfig, make_season
from data_synth.write import write
from qbsbp import cli, datasets


def test_list_names_every_dataset_with_its_licence(capsys):
    assert cli.main(["data", "list"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert list(lines) == list(datasets.SOURCES)
    assert all("MIT" in lines[name] for name in ("nab", "ultimate_track"))
    assert lines["ngs_highlights"].endswith(
        "none stated: own use only, never to be passed on, in whole or play by play"
    )


def test_fetch_says_where_the_files_are(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(datasets, "fetch", lambda name, files: tmp_path / f"{name}-{files}")
    assert cli.main(["data", "fetch", "nab"]) == 0
    assert cli.main(["data", "fetch", "ngs_highlights", "--files", "20"]) == 0
    folders = [tmp_path / "nab-None", tmp_path / "ngs_highlights-20"]
    assert capsys.readouterr().out == f"nab is in {folders[0]}\nngs_highlights is in {folders[1]}\n"


def test_a_part_of_what_is_needed_whole_is_refused_with_a_sentence(capsys):
    assert cli.main(["data", "fetch", "nab", "--files", "2"]) == 1
    assert capsys.readouterr().err == "qbsbp: files: expected None, since all are needed, came 2.\n"


@pytest.mark.parametrize(
    "error", [ConnectionError("the publisher could not be reached"), OSError(errno.ENOSPC, "the disk is full")]
)
def test_fetch_without_a_network_or_room_fails_with_a_sentence(monkeypatch, capsys, error):
    def fail(name, files):
        raise error

    monkeypatch.setattr(datasets, "fetch", fail)
    assert cli.main(["data", "fetch", "nab"]) == 1
    assert capsys.readouterr().err == f"qbsbp: {error}\n"


@pytest.mark.parametrize("arguments", [[], ["data"], ["data", "fetch"], ["data", "fetch", "nfl"]])
def test_a_wrong_command_is_refused_with_what_there_is(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    assert stopped.value.code == 2
    assert "usage: qbsbp" in capsys.readouterr().err


def test_features_are_made_and_reported(capsys, tmp_path):
    season = make_season(LeagueConfig(teams=4, weeks=2), seed=3)
    write(season, tmp_path / "season", progress=False)
    for workers in (["--workers", "2"], []):
        assert cli.main(["features", str(tmp_path / "season"), "--cache", str(tmp_path / "cache"), *workers]) == 0
        assert f"plays  {len(season.plays)}" in " ".join(capsys.readouterr().out.split()).replace("plays ", "plays  ")
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_features_of_what_is_no_season_fail_with_a_sentence(capsys, tmp_path):
    assert cli.main(["features", str(tmp_path)]) == 1
    assert "expected a season" in capsys.readouterr().err
