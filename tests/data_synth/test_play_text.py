"""What the text of a play says is what happened in it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from data_synth.play_text import Told, short_name, spot, tell

PLAY = Told(
    clock=723.0,
    formation="SHOTGUN",
    offence_team="ASH",
    defence_team="BRK",
    yards_to_goal=60,
    outcome="complete",
    yards_gained=7,
    touchdown=False,
    air_yards=4.0,
    return_yards=0,
    place="right",
    passer="J.Doe",
    target="K.Roe",
    defender="D.Bea",
)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({}, "(12:03) (Shotgun) J.Doe pass short right to K.Roe to ASH 47 for 7 yards (D.Bea)."),
        (
            {"formation": "I_FORM", "clock": 5.0},
            "(0:05) J.Doe pass short right to K.Roe to ASH 47 for 7 yards (D.Bea).",
        ),
        ({"yards_gained": 1}, "(12:03) (Shotgun) J.Doe pass short right to K.Roe to ASH 41 for 1 yard (D.Bea)."),
        ({"yards_gained": 10}, "(12:03) (Shotgun) J.Doe pass short right to K.Roe to 50 for 10 yards (D.Bea)."),
        ({"yards_gained": 0}, "(12:03) (Shotgun) J.Doe pass short right to K.Roe to ASH 40 for no gain (D.Bea)."),
        ({"yards_gained": -2}, "(12:03) (Shotgun) J.Doe pass short right to K.Roe to ASH 38 for -2 yards (D.Bea)."),
        (
            {"yards_gained": 60, "touchdown": True, "air_yards": 15.0, "place": "left"},
            "(12:03) (Shotgun) J.Doe pass deep left to K.Roe for 60 yards, TOUCHDOWN.",
        ),
        ({"outcome": "incomplete"}, "(12:03) (Shotgun) J.Doe pass incomplete short right to K.Roe."),
        ({"outcome": "incomplete", "target": ""}, "(12:03) (Shotgun) J.Doe pass incomplete short right."),
        (
            {"outcome": "interception", "air_yards": 20.0, "return_yards": 13},
            "(12:03) (Shotgun) J.Doe pass deep right intended for K.Roe INTERCEPTED by D.Bea at BRK 40. "
            "D.Bea to ASH 47 for 13 yards.",
        ),
        (
            {"outcome": "interception", "air_yards": 20.0, "return_yards": 60},
            "(12:03) (Shotgun) J.Doe pass deep right intended for K.Roe INTERCEPTED by D.Bea at BRK 40. "
            "D.Bea for 60 yards, TOUCHDOWN.",
        ),
        (
            {"outcome": "interception", "air_yards": 64.0},
            "(12:03) (Shotgun) J.Doe pass deep right intended for K.Roe INTERCEPTED by D.Bea at BRK 0. Touchback.",
        ),
        (
            {"outcome": "interception", "air_yards": 64.0, "return_yards": 8},
            "(12:03) (Shotgun) J.Doe pass deep right intended for K.Roe INTERCEPTED by D.Bea at BRK 0. "
            "D.Bea to BRK 8 for 8 yards.",
        ),
        (
            {"outcome": "sack", "yards_gained": -7},
            "(12:03) (Shotgun) J.Doe sacked at ASH 33 for -7 yards (D.Bea).",
        ),
        (
            {"outcome": "scramble", "place": "middle"},
            "(12:03) (Shotgun) J.Doe scrambles up the middle to ASH 47 for 7 yards (D.Bea).",
        ),
    ],
)
def test_each_kind_of_play_is_told(change, text):
    assert tell(replace(PLAY, **change)) == text


def test_a_spot_belongs_to_whose_half_it_is_in():
    assert [spot(yards, "ASH", "BRK") for yards in (99, 51, 50, 49, 1)] == ["ASH 1", "ASH 49", "50", "BRK 49", "BRK 1"]


@pytest.mark.parametrize(
    ("others", "short"),
    [
        ([], "J.Ray"),
        (["Jack Roe", "Mo Ray"], "J.Ray"),
        (["Jack Ray"], "Jo.Ray"),
        (["Jonas Ray"], "Joh.Ray"),
        (["Johnny Ray", "Jo Ray"], "John.Ray"),
    ],
)
def test_a_name_is_as_short_as_it_may_be(others, short):
    assert short_name("John Ray", others) == short


def test_namesakes_in_one_team_are_refused():
    with pytest.raises(ValueError, match="'John Ray' cannot be told from John Ray"):
        short_name("John Ray", ["Abe Bo", "John Ray"])
