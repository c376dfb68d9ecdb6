"""A league: its tables keep to the schema and to each other, its truth is the law that was drawn from."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest

from data_synth import game, league, outcome
from data_synth.league import LeagueConfig, make_league, make_season, schedule
from qbsbp.schema import FOOTBALL, check

SMALL = LeagueConfig(teams=4, weeks=2)
TINY = LeagueConfig(teams=2, weeks=1, clock_speed=3)  # one short game


@pytest.fixture(scope="module")
def season():
    return make_season(SMALL, seed=11)


@pytest.fixture(scope="module")
def tiny():
    return make_season(TINY, seed=12)


# --- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("teams", 7, "an even integer from 2 to 32"),
        ("teams", 0, "an even integer from 2 to 32"),
        ("teams", 1, "an even integer from 2 to 32"),
        ("teams", 34, "an even integer from 2 to 32"),
        ("teams", 6.0, "an even integer from 2 to 32"),
        ("teams", True, "an even integer from 2 to 32"),
        ("weeks", 0, "an integer from 1 to 30"),
        ("weeks", "17", "an integer from 1 to 30"),
        ("seasons", -1, "an integer from 1 to 100"),
        ("first_season", 1066, "an integer from 1950 to 2100"),
        ("injury_rate", -0.1, "a number from 0 to 1"),
        ("trade_rate", 1.5, "a number from 0 to 1"),
        ("move_rate", float("nan"), "a number from 0 to 1"),
        ("skill_memory", None, "a number from 0 to 1"),
        ("unit_spread", -1, "a number from 0 to 3"),
        ("passer_spread", float("inf"), "a number from 0 to 3"),
        ("home_edge", 2, "a number from -1 to 1"),
        ("clock_speed", 0.5, "a number from 1 to 10"),
    ],
)
def test_an_impossible_league_is_refused_by_field_value_and_range(field, value, expected):
    with pytest.raises(ValueError) as error:
        LeagueConfig(**{field: value})
    assert f"LeagueConfig.{field}={value!r}" in str(error.value)
    assert expected in str(error.value)


@pytest.mark.parametrize("seed", [-1, 1.5, "a", True])
def test_a_seed_that_is_none_is_refused(seed):
    with pytest.raises(ValueError, match="seed="):
        make_season(SMALL, seed=seed)


def test_one_season_of_a_league_of_several_is_refused_with_the_way_out():
    with pytest.raises(ValueError, match="make_league"):
        make_season(replace(SMALL, seasons=2), seed=1)


def test_a_week_that_is_not_there_is_refused(season):
    with pytest.raises(ValueError, match="week=3"):
        season.week_frames(3)


# --- the tables -------------------------------------------------------------------------------------------------------


def test_the_tables_keep_to_the_schema(season):
    check(season.plays, season.frames, FOOTBALL)


def test_a_week_s_frames_are_the_season_s(season):
    weeks = [season.week_frames(week) for week in season.weeks]
    assert pd.concat(weeks, ignore_index=True).equals(season.frames)


def test_frames_know_passer_target_and_side(season):
    plays = season.plays
    release = season.frames.merge(
        plays[["game_id", "play_id", "release_frame", "passer_id", "target_id", "offence_team"]],
        left_on=["game_id", "play_id", "frame_id"],
        right_on=["game_id", "play_id", "release_frame"],
    )
    assert len(release) == 23 * len(plays)
    passer = release[release["player_id"] == release["passer_id"]]
    assert len(passer) == len(plays)
    assert (passer["position"] == "QB").all()
    target = release[(release["player_id"] == release["target_id"]) & (release["target_id"] > 0)]
    assert len(target) == (plays["target_id"] > 0).sum()
    assert target["position"].isin(["RB", "WR", "TE"]).all()
    team = season.players.set_index("player_id")["team"]
    mates = release[(release["side"] == "offence") & (release["position"] != "QB")]
    assert (team.loc[mates["player_id"]].to_numpy() == mates["offence_team"]).all()


def test_a_player_has_one_position_and_the_one_of_the_list(season):
    position = season.players.set_index("player_id")["position"]
    people = season.frames[season.frames["side"] != "ball"].drop_duplicates(["player_id", "position"])
    assert not people["player_id"].duplicated().any()
    np.testing.assert_array_equal(position.loc[people["player_id"]], people["position"].astype(str))


def test_names_and_numbers_are_unique_within_a_team(season):
    for _, team in season.players.groupby("team"):
        assert not team["name"].duplicated().any()
        assert not team["jersey_number"].duplicated().any()
    assert season.players["jersey_number"].between(1, 99).all()


def test_plays_and_play_by_play_say_the_same(season):
    keys = ["game_id", "play_id"]
    both = season.plays.merge(season.play_by_play, on=keys, suffixes=("", "_all"))
    assert len(both) == len(season.plays) == (season.play_by_play["kind"] == "pass").sum()
    for name in ("quarter", "clock", "down", "yards_to_go", "yards_to_goal", "offence_team", "score_difference"):
        np.testing.assert_array_equal(both[name], both[name + "_all"])
    np.testing.assert_array_equal(both["outcome"].astype(str), both["outcome_all"])
    np.testing.assert_array_equal(both["yards_gained"], both["yards"])
    np.testing.assert_array_equal(both["score_difference"], both["offence_points"] - both["defence_points"])
    kept = both[~both["turnover"]]
    np.testing.assert_array_equal(kept["touchdown"], kept["points"] >= 6)


def test_games_and_standings_follow_from_the_plays(season):
    games = season.games.set_index("game_id")
    for game_id, plays in season.play_by_play.groupby("game_id"):
        home = np.where(plays["offence_team"] == games.loc[game_id, "home_team"], 1, -1)
        assert (home * plays["points"]).sum() == games.loc[game_id, "margin"]
    standings = season.standings
    assert (standings[["wins", "losses", "ties"]].sum(axis=1) == SMALL.weeks).all()
    assert standings["wins"].sum() == standings["losses"].sum() == (games["margin"] != 0).sum()
    assert standings["points_for"].sum() == standings["points_against"].sum()
    best = standings.groupby("conference")["win_share"].transform("max")
    assert (standings["win_share"] == best)[standings["place"] == 1].all()


def test_a_turned_play_is_still_whole_hundredths_of_the_file(season):
    frames = season.frames.merge(season.plays[["game_id", "play_id", "play_direction"]])
    left = frames["play_direction"] == "left"
    for column, size in (("x", 120.0), ("y", FOOTBALL.field_width)):
        value = frames[column].astype(float)
        value = np.where(left, size - value, value) * 100
        assert np.abs(value - np.round(value)).max() < 1e-3


# --- the truth --------------------------------------------------------------------------------------------------------


def test_the_state_in_the_truth_is_that_of_the_tables(season):
    state = outcome.state_from_tables(season.plays, season.frames)
    for field in fields(outcome.State):
        np.testing.assert_array_equal(getattr(state, field.name), season.truth[field.name], err_msg=field.name)


def test_the_law_is_rebuilt_for_any_choice_of_rows(season):
    whole = season.law().pmf()
    assert whole.shape == (len(season.plays), 199)
    np.testing.assert_allclose(whole.sum(axis=1), 1, atol=1e-12)
    mask = (season.plays["down"] == 3).to_numpy()
    for rows in (mask, np.flatnonzero(mask), slice(5, 9)):
        np.testing.assert_array_equal(season.law(rows).pmf(), whole[rows])
    average = season.law(skill=False).pmf()
    np.testing.assert_array_equal(average, outcome.law(outcome.State.from_table(season.truth)).pmf())
    thrown = season.plays["target_id"].to_numpy() > 0
    assert (np.abs(whole - average)[thrown].max(axis=1) > 0).all()


def test_what_happened_was_drawn_from_the_law(season):
    law = season.law()
    yards = season.plays["yards_gained"].to_numpy()
    below = law.cdf(yards - 1)
    pit = below + np.random.default_rng(0).random(len(yards)) * (law.cdf(yards) - below)
    loose = ~season.plays["outcome"].isin(["sack"]).to_numpy() & (season.plays["target_id"] > 0).to_numpy()
    pit = np.sort(pit[loose])
    distance = np.abs(pit - (np.arange(len(pit)) + 0.5) / len(pit)).max()
    assert distance < 1.63 / np.sqrt(len(pit))  # Kolmogorov-Smirnov, 1 %


def test_true_values_are_the_mean_rank_that_a_passer_adds(season):
    skills = season.skills
    assert len(skills) == 2 * SMALL.teams
    assert skills["true_value"].corr(skills["accuracy"]) > 0.95
    passer = skills.iloc[0]
    passed = np.flatnonzero(season.plays["outcome"].isin(["complete", "incomplete", "interception"]))
    rows = passed[np.linspace(0, len(passed) - 1, min(400, len(passed))).astype(int)]
    state = outcome.State.from_table(season.truth.iloc[rows])
    skill = outcome.Skill(*(np.full(len(rows), passer[name]) for name in ("accuracy", "decision")))
    own, average = outcome.law(state, skill), outcome.law(state)
    rng, ranks = np.random.default_rng(1), []
    for _ in range(400):
        yards = own.draw(rng).yards_gained
        ranks.append(((average.cdf(yards) + average.cdf(yards - 1)) / 2).mean() - 0.5)
    assert passer["true_value"] == pytest.approx(np.mean(ranks), abs=4 * np.std(ranks) / 20)


# --- seeds ------------------------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_season_and_another_another(tiny):
    told = []
    again, other = make_season(TINY, seed=12, progress=told.append), make_season(TINY, seed=13)
    for name in ("plays", "truth", "play_by_play", "games", "standings", "players", "skills", "starters", "frames"):
        assert getattr(tiny, name).equals(getattr(again, name)), name
    assert sum(told) == len(tiny.plays)
    assert len(other.plays) != len(tiny.plays) or not other.plays.equals(tiny.plays)


def test_a_longer_league_begins_with_the_shorter_one(tiny):
    longer = make_league(replace(TINY, seasons=2), seed=12)
    first, second = next(longer), next(longer)
    pd.testing.assert_frame_equal(first.plays, tiny.plays)
    pd.testing.assert_frame_equal(first.truth, tiny.truth)
    assert (second.plays["season"] == TINY.first_season + 1).all()
    assert next(longer, None) is None
    both = first.passers.merge(second.passers, on="passer_id")
    assert len(both) > 0
    np.testing.assert_array_equal(both["age_y"], both["age_x"] + 1)
    np.testing.assert_array_equal(both["name_x"], both["name_y"])


# --- the league -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("teams", "weeks"), [(2, 3), (4, 3), (6, 7), (32, 17)])
def test_everybody_plays_every_week_and_nobody_twice_before_all_others(teams, weeks):
    pairs = schedule(teams, weeks, np.random.default_rng(1))
    assert pairs.shape == (weeks, teams // 2, 2)
    for week in pairs:
        assert sorted(week.ravel()) == list(range(teams))
    for start in range(0, weeks, teams - 1):
        met = [frozenset(pair) for pair in pairs[start : start + teams - 1].reshape(-1, 2).tolist()]
        assert len(set(met)) == len(met)
    at_home = np.bincount(pairs[:, :, 0].ravel(), minlength=teams)
    assert np.ptp(at_home) <= 2


def years(count=40, **config):
    """Tables of passers through the years, without playing a game."""
    setup = LeagueConfig(**config)
    passers = league._Passers(setup, np.random.default_rng(5))
    tables = []
    for year in range(count):
        if year:
            passers.pass_a_year(setup.first_season + year)
        tables.append(passers.table().assign(year=year))
    return pd.concat(tables, ignore_index=True)


def test_passers_age_retire_move_and_come():
    table = years(move_rate=0.2)
    assert (table.groupby(["year", "team"]).size() == 2).all()
    assert (table[table["first"]].groupby(["year", "team"]).size() == 1).all()
    assert table["age"].between(22, 50).all()
    first = table[table["first"]]
    assert 26 < first["age"].mean() < 30
    np.testing.assert_allclose(first.groupby("year")[["accuracy", "decision"]].mean(), 0, atol=1e-9)
    later = table.assign(year=table["year"] - 1)
    both = table.merge(later, on=["number", "year"])
    moved = (both["team_x"] != both["team_y"]).mean()
    assert 0.15 < moved < 0.2  # some who move come back to where they were
    assert 0.7 < len(both) / len(table[table["year"] < 39]) < 0.95
    assert 0.75 < both["accuracy_x"].corr(both["accuracy_y"]) < 0.95
    young, old = table[table["age"] < 27], table[table["age"] >= 34]
    assert old["mobility"].mean() < young["mobility"].mean() - 0.4 * league.SKILLS["mobility"]


def test_nobody_moves_or_differs_where_the_rates_say_so():
    table = years(10, move_rate=0.0, passer_spread=0.0)
    assert (table.groupby("number")["team"].nunique() == 1).all()
    assert (table[list(league.SKILLS)] == 0).all(axis=None)


def test_starters_differ_by_the_stated_standard_deviations():
    starters = years(5)
    starters = starters[starters["first"]].groupby("year")[list(league.SKILLS)]
    np.testing.assert_allclose(starters.std(), np.tile(list(league.SKILLS.values()), (5, 1)), rtol=1e-12)
    np.testing.assert_allclose(starters.mean(), 0, atol=1e-12)


def test_a_team_has_another_form_every_game():
    config = LeagueConfig(teams=16, weeks=6, clock_speed=10.0, home_edge=0.0)
    season = make_season(config, seed=3)
    table = season.truth.join(season.plays[["week", "offence_team"]])
    table = table.groupby(["week", "offence_team"])["matchup_receivers"].agg(["min", "max"])
    np.testing.assert_array_equal(table["min"], table["max"])  # the same all game
    team = season.strengths.set_index("team")["receivers"].loc[table.index.get_level_values("offence_team")]
    form = table["min"].to_numpy() - team.to_numpy()
    sd = league.FORM["receivers"]
    assert abs(form.mean()) < 4 * sd / np.sqrt(len(form))
    assert form.std() == pytest.approx(sd, rel=0.25)  # four standard errors of 96; few are cut


def test_a_wide_spread_stays_within_what_play_takes():
    skills = years(10, passer_spread=3.0)[list(league.SKILLS)].abs()
    assert skills.max().max() == league.MOST
    season = make_season(replace(TINY, unit_spread=3.0, passer_spread=3.0), seed=4)
    matchup = season.truth[[name for name in season.truth if name.startswith("matchup_")]]
    assert league.MOST < matchup.abs().max().max() <= league.MOST_ON_A_DAY


def starts(**rates):
    config = LeagueConfig(teams=8, weeks=17, **rates)
    first, second = np.arange(0, 16, 2), np.arange(1, 16, 2)
    return league._starters(config, first, second, np.random.default_rng(3))


def test_without_injuries_and_trades_the_starter_plays():
    np.testing.assert_array_equal(starts(injury_rate=0.0, trade_rate=0.0), np.tile(np.arange(0, 16, 2), (17, 1)))


def test_a_trade_sends_a_starter_for_a_backup():
    plays = starts(injury_rate=0.0, trade_rate=1.0)
    before, after = plays[league.TRADE_WEEK - 2], plays[league.TRADE_WEEK - 1]
    changed = before != after
    assert changed.sum() == 8  # half the teams send their starter, half put him first
    teams_of = {passer: {int(t) for t in np.where(plays == passer)[1]} for passer in np.unique(plays)}
    assert sum(len(teams) > 1 for teams in teams_of.values()) == 4


def test_the_hurt_miss_some_weeks_and_come_back():
    plays = starts(injury_rate=0.1, trade_rate=0.0)
    backup = plays % 2 == 1
    assert 0.1 < backup.mean() < 0.5
    assert (np.diff(backup.astype(int), axis=0) == -1).any()


def need_of(season):
    plays = season.plays
    moment = game.Moment(None, None, plays.quarter, plays.clock, None, None, None, plays.score_difference, None)
    return game.need(moment)


def test_equal_teams_differ_only_by_what_the_score_asks_for():
    season = make_season(replace(TINY, unit_spread=0.0, passer_spread=0.0, home_edge=0.0), seed=1)
    assert (season.strengths.drop(columns=["season", "team"]) == 0).all(axis=None)
    matchup = [name for name in season.truth if name.startswith(("matchup_", "skill_"))]
    moved = {"passer_depth": league.DEEPER, "coverage": league.EXPECTED}
    assert (season.truth[matchup].drop(columns=["matchup_" + name for name in moved]) == 0).all(axis=None)
    need = need_of(season)
    assert np.ptp(need) > 0.1
    for name, weight in moved.items():
        np.testing.assert_allclose(season.truth["matchup_" + name], weight * need, atol=1e-12)


def test_home_helps_every_unit_of_the_home_team():
    config = replace(TINY, unit_spread=0.0, passer_spread=0.0, home_edge=0.5)
    season = make_season(config, seed=1)
    home = season.plays["offence_team"].to_numpy() == season.games["home_team"][0]
    receivers, coverage = (season.truth[f"matchup_{name}"].to_numpy() for name in ("receivers", "coverage"))
    np.testing.assert_array_equal(receivers, np.where(home, 0.5, 0.0))
    np.testing.assert_allclose(coverage - league.EXPECTED * need_of(season), np.where(home, 0.0, 0.5), atol=1e-12)


def test_plays_are_found_by_their_keys(season):
    keys = season.plays[["game_id", "play_id"]].sample(frac=1, random_state=0)
    rows = season.rows_of(keys)
    assert season.plays.iloc[rows][["game_id", "play_id"]].equals(keys)
    with pytest.raises(ValueError, match=r"keys: expected plays of the season \d+, came \(1, 2\)"):
        season.rows_of(pd.DataFrame({"game_id": [1], "play_id": [2]}))
