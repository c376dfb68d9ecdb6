"""The command line says what it did, and fails with a sentence instead of a traceback."""

from __future__ import annotations

import pytest

from qbsbp import cli, datasets


def test_list_names_every_dataset_with_its_licence(capsys):
    assert cli.main(["data", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(datasets.SOURCES)
    assert all("MIT" in line for line in lines)


def test_fetch_says_where_the_files_are(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(datasets, "fetch", lambda name: tmp_path / name)
    assert cli.main(["data", "fetch", "nab"]) == 0
    assert capsys.readouterr().out == f"nab is in {tmp_path / 'nab'}\n"


def test_fetch_without_a_network_fails_with_a_sentence(monkeypatch, capsys):
    def offline(name):
        raise ConnectionError(f"{name}: the publisher could not be reached")

    monkeypatch.setattr(datasets, "fetch", offline)
    assert cli.main(["data", "fetch", "nab"]) == 1
    assert capsys.readouterr().err == "qbsbp: nab: the publisher could not be reached\n"


@pytest.mark.parametrize("arguments", [[], ["data"], ["data", "fetch"], ["data", "fetch", "nfl"]])
def test_a_wrong_command_is_refused_with_what_there_is(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    assert stopped.value.code == 2
    assert "usage: qbsbp" in capsys.readouterr().err
