"""Does a synthetic season look like football? Every published figure beside the same figure of generated seasons.

    python -m benchmarks.realism --plays 50000      # whole seasons, at least so many dropbacks; minutes
    python -m benchmarks.realism --quick            # one season, no bootstrap; under a minute
    QBSBP_DATA=... python -m benchmarks.realism     # with the real highlight plays: the two-sample test too

The targets are `benchmarks/realism_targets.csv`: key, section, definition, target, band (`low` to `high`, empty where
the source gives none) and source, aggregates all. Sources: B19 NFL Big Data Bowl 2019 (2017 season, weeks 1-6), B24
its 2024 edition, G19 one complete game of its tracking, HL highlight plays of the Next Gen Stats 2017-2019 (chosen for
their outcome), PO play-by-play of post-seasons 2009-2019, QBR ESPN's figures 2006-2023, COV coverage labels 2018, PUB
articles.
Every figure comes from the public tables of `data_synth.season.Season`, regular season only. Where a source leaves a
definition open, the target file says what is done here, and:

* pressure and hits are distances, since no charting exists: see `benchmarks.kinematics.pocket`;
* ESPN's QBR cannot be computed (its formula is not public): its rows use EPA per dropback;
* expected points come from the season itself, by the next score of the half, as `qbsbp.box_score.expected_points` says;
* separation at arrival is projected from the release, as the law does, for tables end half a second after it;
* true spreads between passers come from the truth: means of the law under each passer's own skill over his own
  releases, less the part of their variance that a passer's sample of releases explains (`true_sd`).

Intervals are 95% by the bootstrap over games (passer-seasons for spreads and season correlations).
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import expit

from benchmarks import kinematics
from data_synth.league import LeagueConfig, make_league
from data_synth.season import Season
from qbsbp.box_score import adjusted_net_yards, expected_points, passer_rating

TARGETS = Path(__file__).with_name("realism_targets.csv")
SECTIONS = {
    1: "outcomes",
    2: "depth and yards after the catch",
    3: "field position",
    4: "situation",
    5: "timing, pocket, pressure, separation",
    6: "kinematics",
    7: "passers, stability, wins",
}
Columns = dict[str, np.ndarray]

DEPTHS = {"<0": (-99, -1), "0": (0, 0), "1-5": (1, 5), "6-10": (6, 10), "11-15": (11, 15), "16-20": (16, 20)}
DEPTHS |= {"21-30": (21, 30), "31-40": (31, 40), ">40": (41, 120)}
FIELD = {"1-5": (1, 5), "6-10": (6, 10), "11-20": (11, 20), "21-30": (21, 30), "31-50": (31, 50), "51-80": (51, 80)}
FIELD |= {"81-99": (81, 99)}
SEPARATIONS = {"<1": (-1, 1), "1-2": (1, 2), "2-3": (2, 3), "3-5": (3, 5), ">5": (5, np.inf)}
QUALIFIED = 20  # dropbacks a game of the team, as ESPN qualifies passers


# --- small statistics ------------------------------------------------------------------------------------------------


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else math.nan


def _sd(values: np.ndarray) -> float:
    return float(values.std()) if len(values) > 1 else math.nan


def _quantile(values: np.ndarray, level: float) -> float:
    return float(np.quantile(values, level)) if len(values) else math.nan


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's correlation; NaN with fewer than three pairs or where one side does not vary."""
    if len(a) < 3 or np.std(a) == 0 or np.std(b) == 0:
        return math.nan
    return float(np.corrcoef(a, b)[0, 1])


def logistic_slope(x: np.ndarray, won: np.ndarray) -> float:
    """Slope of the logistic regression of `won` on x with an intercept, by maximum likelihood.

    NaN where it has no finite value: without variation of x, or where x separates the two classes.
    """
    low, high = x[won == 0], x[won > 0]
    if min(len(low), len(high)) == 0 or low.max() <= high.min() or high.max() <= low.min():
        return math.nan
    z = (x - x.mean()) / x.std()
    sign = 1 - 2 * won

    def loss(beta: np.ndarray) -> tuple[float, np.ndarray]:
        score = sign * (beta[0] + beta[1] * z)
        weight = sign * expit(score)
        return float(np.logaddexp(0, score).mean()), np.array([weight.mean(), (weight * z).mean()])

    return float(minimize(loss, np.zeros(2), jac=True, tol=1e-10).x[1] / x.std())


def true_sd(means: np.ndarray, variances: np.ndarray, counts: np.ndarray) -> float:
    """Spread of the passers' expected values, by the method of moments; NaN with fewer than three passers.

    A passer's mean over his own n releases varies around his expectation with variance / n; that part is taken away.
    """
    if len(means) < 3:
        return math.nan
    return float(np.sqrt(np.maximum(0.0, np.var(means, ddof=1) - np.mean(variances / counts))))


def pareto_tail(excess: np.ndarray, censored: np.ndarray) -> tuple[float, float]:
    """Shape and scale of the generalized Pareto law by maximum likelihood, right-censored where `censored`."""
    from scipy.optimize import minimize

    def nll(theta: np.ndarray) -> float:
        xi, beta = theta[0], math.exp(theta[1])
        inner = 1 + xi * excess / beta
        if (inner <= 0).any():
            return math.inf
        log_survival = -np.log(inner) / xi if abs(xi) > 1e-6 else -excess / beta
        return float(-(log_survival - np.where(censored, 0, np.log(beta * inner))).sum())

    best = minimize(nll, [0.2, math.log(max(excess.mean(), 0.1))], method="Nelder-Mead")
    return float(best.x[0]), math.exp(best.x[1])


# --- the figures, family by family: columns in, numbers by key out ---------------------------------------------------


def dropback_columns(plays: pd.DataFrame) -> Columns:
    """Columns that the families read, from a table of plays (with whatever was joined to it)."""
    outcome = plays["outcome"].astype(str).to_numpy()
    p = {name: outcome == name for name in ("complete", "incomplete", "interception", "sack", "scramble")}
    p["attempt"] = p["complete"] | p["incomplete"] | p["interception"]
    p["targeted"] = p["attempt"] & (plays["target_id"].to_numpy() > 0)
    p["yards"] = plays["yards_gained"].to_numpy(float)
    p["air"] = np.rint(plays["air_yards"].to_numpy(float))
    p["returned"] = plays["return_yards"].to_numpy(float)
    p["to_goal"] = plays["yards_to_goal"].to_numpy(float)
    for name in ("game_id", "season", "week", "passer_id", "touchdown", "down", "yards_to_go", "quarter"):
        p[name] = plays[name].to_numpy()
    p["pass_rushers"] = plays["pass_rushers"].to_numpy()
    for name in ("offence_team", "defence_team"):
        p[name] = plays[name].astype(str).to_numpy()
    formation = plays["formation"].astype(str)
    p["shotgun"] = formation.str.contains("SHOTGUN|EMPTY|PISTOL").to_numpy()
    p["personnel_11"] = plays["offence_personnel"].astype(str).str.startswith("1 RB, 1 TE, 3 WR").to_numpy()
    backs = plays["defence_personnel"].astype(str).str.extract(r"(\d+) DB", expand=False)
    p["defensive_backs"] = backs.astype(float).to_numpy()
    p["coverage"] = plays["coverage"].astype(str).to_numpy()
    return p


def outcomes(p: Columns) -> dict[str, float]:
    """Sections 1 to 4."""
    a, c, i = p["attempt"], p["complete"], p["interception"]
    yards, air = p["yards"][a], p["air"][a]
    out = {
        "sack_rate": _mean(p["sack"]),
        "scramble_rate": _mean(p["scramble"]),
        "completion_rate": _mean(c[a]),
        "completion_rate_targeted": _mean(c[p["targeted"]]),
        "interception_rate": _mean(i[a]),
        "touchdown_rate": _mean((p["touchdown"] & c)[a]),
        "yards_per_attempt": _mean(yards),
        "yards_per_attempt_sd": _sd(yards),
        "zero_share": _mean(yards == 0),
        "negative_share": _mean(yards < 0),
        "share_20": _mean(yards >= 20),
        "share_40": _mean(yards >= 40),
        "yards_per_completion": _mean(p["yards"][c]),
        "yards_per_completion_median": _quantile(p["yards"][c], 0.5),
        "yards_per_completion_sd": _sd(p["yards"][c]),
        "sack_yards": _mean(p["yards"][p["sack"]]),
        "sack_yards_sd": _sd(p["yards"][p["sack"]]),
        "scramble_yards": _mean(p["yards"][p["scramble"]]),
        "scramble_yards_sd": _sd(p["yards"][p["scramble"]]),
    }
    returned, caught = p["returned"][i], np.clip(p["air"][i], p["to_goal"][i] - 99, p["to_goal"][i] - 1)
    out["return_yards"] = _mean(returned)
    out["return_none"] = _mean(returned <= 0)
    out["return_touchdown"] = _mean(returned >= 100 - p["to_goal"][i] + caught)
    net = caught - returned
    out["interception_net"], out["interception_net_sd"] = _mean(net), _sd(net)
    mass = np.bincount((yards + 100).astype(int)) / len(yards)
    out["entropy"] = float(-(mass[mass > 0] * np.log(mass[mass > 0])).sum())
    for q in (1, 5, 25, 50, 75, 90, 95, 99):
        out[f"yards_q{q}"] = _quantile(yards, q / 100)

    caught_yards = p["yards"][a] - air  # after the catch, where there was one
    got, picked = c[a], i[a]
    out |= {
        "air_yards": _mean(air),
        "air_yards_sd": _sd(air),
        "air_20": _mean(air >= 20),
        "air_complete": _mean(air[got]),
        "air_not_complete": _mean(air[~got]),
        "yards_after_catch": _mean(caught_yards[got]),
        "yards_after_catch_sd": _sd(caught_yards[got]),
        "yards_after_catch_none": _mean(caught_yards[got] <= 0),
        "yards_after_catch_q90": _quantile(caught_yards[got], 0.90),
        "yards_after_catch_q99": _quantile(caught_yards[got], 0.99),
    }
    for name, (low, high) in DEPTHS.items():
        rows = (air >= low) & (air <= high)
        out[f"share_air_{name}"] = _mean(rows)
        out[f"completion_air_{name}"] = _mean(got[rows])
        out[f"interception_air_{name}"] = _mean(picked[rows])
        out[f"yards_air_{name}"] = _mean(yards[rows])
        out[f"yards_after_catch_air_{name}"] = _mean(caught_yards[rows & got])
    for name, (low, high) in FIELD.items():
        rows = (p["to_goal"][a] >= low) & (p["to_goal"][a] <= high)
        out[f"share_goal_{name}"] = _mean(rows)
        out[f"touchdown_goal_{name}"] = _mean((p["touchdown"] & c)[a][rows])
        out[f"completion_goal_{name}"] = _mean(got[rows])
        out[f"yards_goal_{name}"] = _mean(yards[rows])

    out["shotgun"], out["personnel_11"] = _mean(p["shotgun"]), _mean(p["personnel_11"])
    out["defensive_backs_5"] = _mean(p["defensive_backs"] >= 5)
    for d in (1, 2, 3, 4):
        out[f"share_down_{d}"] = _mean(p["down"] == d)
        out[f"to_go_down_{d}"] = _mean(p["yards_to_go"][p["down"] == d])
    for q in (1, 2, 3, 4, 5):
        out[f"share_quarter_{q}"] = _mean(np.minimum(p["quarter"], 5) == q)
    for name in ("Cover-3", "Cover-1", "Cover-2", "Cover-4", "Cover-6"):
        out[f"coverage_{name}"] = _mean(p["coverage"] == name)
    for name, rows in (
        ("3", p["pass_rushers"] <= 3),
        ("4", p["pass_rushers"] == 4),
        ("5", p["pass_rushers"] == 5),
        ("6+", p["pass_rushers"] >= 6),
    ):
        out[f"share_rushers_{name}"] = _mean(rows)
        out[f"sack_rushers_{name}"] = _mean(p["sack"][rows])
        out[f"completion_rushers_{name}"] = _mean(c[rows & a])
    return out


def tails(p: Columns) -> dict[str, float]:
    """The generalized Pareto rows of section 2, integer yards spread evenly inside their yard."""
    rng = np.random.default_rng(0)
    yards, touchdown = p["yards"][p["attempt"]], p["touchdown"][p["attempt"]]
    after = (p["yards"] - p["air"])[p["complete"]]

    def fit(values: np.ndarray, cut: np.ndarray, threshold: float) -> tuple[float, float]:
        rows = values > threshold
        spread = np.where(cut[rows], 0.0, rng.uniform(-0.5, 0.5, rows.sum()))
        return pareto_tail(values[rows] - threshold + spread, cut[rows])

    none = np.zeros_like(touchdown)
    return {
        "tail_shape": fit(yards, touchdown, 20.5)[0],
        "tail_shape_uncensored": fit(yards, none, 20.5)[0],
        "tail_scale": fit(yards, touchdown, 20.5)[1],
        "tail_censored": _mean(touchdown[yards > 20.5]),
        "tail_shape_yac": fit(after, p["touchdown"][p["complete"]], 10.5)[0],
    }


def timing(p: Columns) -> dict[str, float]:
    """Section 5: `pocket` and the state at release joined to the plays, and EPA."""
    a, t = p["attempt"], p["targeted"]
    hit = p["hit"][a]
    out = {
        "time_to_throw": _mean(p["time"][a]),
        "time_to_throw_sd": _sd(p["time"][a]),
        "time_to_sack": _mean(p["time"][p["sack"]]),
        "time_to_pressure": _mean(p["first_pressure"][p["pressured"]]),
        "pressure_rate": _mean(p["pressured"]),
        "pressure_rate_individual": float(p["pressurers"].sum() / p["pass_rushers"].sum()),
        "hit_rate": _mean(hit),
        "completion_hit": _mean(p["complete"][a][~hit]) - _mean(p["complete"][a][hit]),
        "epa_hit": _mean(p["epa"][a][~hit]) - _mean(p["epa"][a][hit]),
        "passer_depth": _quantile(p["depth"][a], 0.5),
        "passer_speed": _quantile(p["passer_speed"][a], 0.5),
        "passer_speed_q75": _quantile(p["passer_speed"][a], 0.75),
        "passer_nearest": _quantile(p["nearest"][a], 0.5),
        "target_separation": _quantile(p["arrival_separation"][t], 0.5),
        "target_separation_mean": _mean(p["arrival_separation"][t]),
        "tight_windows": _mean(p["arrival_separation"][t] < 1),
        "flight_time": _mean(p["flight_time"][t]),
    }
    for q in (10, 50, 90):
        out[f"time_to_throw_q{q}"] = _quantile(p["time"][a], q / 100)
    for second in (1, 2, 3, 4):
        there = p[f"nearest_{second}s"]
        out[f"passer_nearest_{second}s"] = _quantile(there[np.isfinite(there)], 0.5)
    far = t & (p["throw_distance"] > 15)
    out["ball_speed"] = _mean(p["throw_distance"][far] / p["flight_time"][far])
    separation = np.stack([p[f"separation_{i}"][a] for i in range(5)])
    eligible = np.stack([p[f"eligible_{i}"][a] for i in range(5)])
    for group in ELIGIBLE:
        out[f"separation_{group}"] = _quantile(separation[eligible == group], 0.5)
    rates = []
    for name, (low, high) in SEPARATIONS.items():
        rows = t & (p["arrival_separation"] >= low) & (p["arrival_separation"] < high)
        rates.append(_mean(p["complete"][rows]))
        out[f"completion_separation_{name}"] = rates[-1]
    out["completion_separation_drop"] = max(float(np.max(-np.diff(rates))), 0.0)
    return out


def value(p: Columns) -> dict[str, float]:
    """Section 7, EPA of plays."""
    from scipy.stats import rankdata

    a = p["attempt"]
    out = {"epa_sd": _sd(p["epa"])}
    for name in ("complete", "incomplete", "interception", "sack", "scramble"):
        out[f"epa_{name}"] = _mean(p["epa"][p[name]])
    out["rank_correlation_yards_epa"] = correlation(rankdata(p["yards"][a]), rankdata(p["epa"][a]))
    out["correlation_yards_epa"] = correlation(p["yards"][a], p["epa"][a])
    return out


def team_games(p: Columns, games: pd.DataFrame) -> pd.DataFrame:
    """One row a team and game: sums of its passing, the metrics, how the game ended (`won` 1, 0.5 or 0; `margin`)."""
    table = pd.DataFrame(
        {
            "game_id": p["game_id"],
            "team": p["offence_team"],
            "dropbacks": 1,
            "attempts": p["attempt"],
            "completions": p["complete"],
            "yards": np.where(p["attempt"], p["yards"], 0),
            "touchdowns": p["touchdown"] & p["complete"],
            "interceptions": p["interception"],
            "sacks": p["sack"],
            "sack_yards": np.where(p["sack"], p["yards"], 0),
            "epa": p["epa"],
        }
    )
    t = table.groupby(["game_id", "team"], as_index=False).sum().astype({"attempts": float})
    t["rating"] = passer_rating(t["attempts"], t["completions"], t["yards"], t["touchdowns"], t["interceptions"])
    t["anya"] = adjusted_net_yards(
        t["attempts"], t["yards"], t["touchdowns"], t["interceptions"], t["sacks"], -t["sack_yards"]
    )
    t["ypa"], t["completion"] = t["yards"] / t["attempts"], t["completions"] / t["attempts"]
    t["epa"] = t["epa"] / t["dropbacks"]
    g = games[["game_id", "season", "home_team", "away_team", "home_points", "away_points"]]
    t = t.merge(g, on="game_id", validate="many_to_one")
    t["home"] = t["team"] == t["home_team"]
    t["margin"] = (t["home_points"] - t["away_points"]) * np.where(t["home"], 1, -1)
    t["won"] = (np.sign(t["margin"]) + 1) / 2
    other = t[["game_id", "team", "anya"]].rename(columns={"team": "opponent", "anya": "opponent_anya"})
    t["opponent"] = np.where(t["home"], t["away_team"], t["home_team"])
    t = t.merge(other, on=["game_id", "opponent"], validate="one_to_one")
    t["difference"] = t["anya"] - t["opponent_anya"]
    return t


def winning(t: Columns) -> dict[str, float]:
    """Section 7, games: what goes with winning one."""
    out = {f"game_{name}": correlation(t[name], t["won"]) for name in ("epa", "rating", "anya", "ypa", "completion")}
    h = t["home"]
    x, margin = t["difference"][h], t["margin"][h]
    slope, intercept = np.polyfit(x, margin, 1)
    decided = margin != 0
    out |= {
        "margin_slope": float(slope),
        "margin_sd": float(np.std(margin - slope * x - intercept, ddof=2)),
        "margin_correlation": correlation(x, margin),
        "win_logit": logistic_slope(x[decided], (margin > 0)[decided].astype(float)),
        "home_edge": _mean(margin),
        "dropbacks_per_team_game": _mean(t["dropbacks"]),
        "dropbacks_per_team_game_sd": _sd(t["dropbacks"]),
    }
    return out


def passer_seasons(p: Columns, standings: pd.DataFrame, weeks: int) -> pd.DataFrame:
    """One row a qualified passer and season: EPA per dropback, in odd and even weeks and in all, and his team's year.

    Qualified is who has `QUALIFIED` dropbacks for each game of his team; his team is where he has most of them.
    """
    table = pd.DataFrame({k: p[k] for k in ("season", "passer_id", "week", "epa")} | {"team": p["offence_team"]})
    group = table.groupby(["season", "passer_id"])
    out = group.agg(dropbacks=("epa", "size"), epa=("epa", "mean"), team=("team", lambda s: s.mode().iloc[0]))
    for name, odd in (("odd", 1), ("even", 0)):
        out[name] = table[table["week"] % 2 == odd].groupby(["season", "passer_id"])["epa"].mean()
    out = out[out["dropbacks"] >= QUALIFIED * weeks].reset_index()
    s = standings.assign(wins_share=(standings["wins"] + standings["ties"] / 2) / weeks)
    out = out.merge(s[["season", "team", "wins_share", "playoffs"]], on=["season", "team"], validate="many_to_one")
    later = out[["season", "passer_id", "epa"]].rename(columns={"epa": "next"}).assign(season=lambda d: d["season"] - 1)
    return out.merge(later, on=["season", "passer_id"], how="left")


def stability(s: Columns) -> dict[str, float]:
    """Section 7, seasons: how steady passers are and what their seasons win."""
    both = np.isfinite(s["next"])
    halves = np.isfinite(s["odd"]) & np.isfinite(s["even"])
    return {
        "split_half": correlation(s["odd"][halves], s["even"][halves]),
        "year_to_year": correlation(s["epa"][both], s["next"][both]),
        "season_wins": correlation(s["epa"], s["wins_share"]),
        "season_playoffs": correlation(s["epa"], s["playoffs"].astype(float)),
    }


def team_seasons(s: Columns) -> dict[str, float]:
    """Section 7, teams: spread of the share of wins (within seasons its mean is one half)."""
    return {
        "win_share_sd": float(np.sqrt(np.mean((s["wins_share"] - 0.5) ** 2))),
        "wins_playoffs": correlation(s["wins_share"], s["playoffs"].astype(float)),
    }


SPREADS = {"completion": 100, "cpoe": 100, "yards": 1, "interception": 100, "air_yards": 1, "rank": 1}


def spreads(s: Columns) -> dict[str, float]:
    """Section 7, truth: `true_sd` of each of `SPREADS`, in points where it is a rate."""
    return {
        f"true_{name}_sd": scale * true_sd(s[f"{name}_mean"], s[f"{name}_variance"], s["attempts"])
        for name, scale in SPREADS.items()
    }


# --- bootstrap and the table -----------------------------------------------------------------------------------------


def bootstrap(
    family: Callable[[Columns], dict[str, float]], columns: Columns, by: np.ndarray, repeats: int, *, seed: int
) -> dict[str, tuple[float, float]]:
    """95% interval of each figure, whole groups of rows (games, passers) drawn with replacement."""
    if repeats == 0:
        return {}
    _, code = np.unique(by, return_inverse=True)
    order = np.argsort(code, kind="stable")
    ends = np.cumsum(np.bincount(code))
    groups = np.split(order, ends[:-1])
    rng = np.random.default_rng(seed)
    draws = []
    for _ in range(repeats):
        rows = np.concatenate([groups[i] for i in rng.integers(len(groups), size=len(groups))])
        draws.append(family({name: column[rows] for name, column in columns.items()}))
    out = {}
    for key in draws[0]:
        values = np.array([d[key] for d in draws])
        values = values[np.isfinite(values)]
        if len(values) > repeats / 2:
            out[key] = tuple(np.quantile(values, [0.025, 0.975]))
    return out


@dataclass(frozen=True)
class Row:
    """One line of the table. `verdict` is "in", "OUT", "" without a band and "not measured"."""

    key: str
    section: int
    definition: str
    target: float
    low: float
    high: float
    source: str
    measured: float
    interval: tuple[float, float] | None

    @property
    def banded(self) -> bool:
        return not math.isnan(self.low)

    @property
    def verdict(self) -> str:
        if math.isnan(self.measured):
            return "not measured"
        if not self.banded:
            return ""
        return "in" if self.low <= self.measured <= self.high else "OUT"


def read_targets(path: Path = TARGETS) -> pd.DataFrame:
    """The targets; NaN where a source gives no band."""
    table = pd.read_csv(path)
    if table["key"].duplicated().any():
        raise ValueError(f"{path}: key {table['key'][table['key'].duplicated()].iloc[0]} twice; expected each once")
    return table


def rows_of(measured: dict[str, float], intervals: dict[str, tuple[float, float]]) -> list[Row]:
    """The table in the order of the targets."""
    targets = read_targets()
    unknown = sorted(set(measured) - set(targets["key"]))
    if unknown:
        raise ValueError(f"measured but not among the targets: {', '.join(unknown)}")
    return [
        Row(
            *t[["key", "section", "definition", "target", "low", "high", "source"]],
            measured=measured.get(t["key"], math.nan),
            interval=intervals.get(t["key"]),
        )
        for _, t in targets.iterrows()
    ]


def _number(value: float) -> str:
    if math.isnan(value):
        return "-"
    digits = 0 if value == 0 else max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(digits, 4)}f}"


def format_rows(rows: list[Row]) -> str:
    """The table as text: first what has a band, section by section, then what is shown for information."""
    width = max(len(row.key) for row in rows)
    lines = []
    for banded in (True, False):
        lines += ["", "With a band" if banded else "Without a band in the sources, for information"]
        for section, title in SECTIONS.items():
            chosen = [r for r in rows if r.section == section and r.banded == banded and (banded or section != 6)]
            if not chosen:
                continue
            head = f"{'':5} {'':{width}} {'measured':>9} {'95% interval':>17} {'target':>8}"
            lines += ["", f"{section} {title}", head + (f" {'band':>16}" if banded else "") + "  definition"]
            for r in chosen:
                interval = f"{_number(r.interval[0])} to {_number(r.interval[1])}" if r.interval else ""
                line = f"{r.verdict[:5]:5} {r.key:{width}} {_number(r.measured):>9} {interval:>17}"
                line += f" {_number(r.target):>8}"
                if banded:
                    line += f" {_number(r.low) + ' to ' + _number(r.high):>16}"
                lines.append(f"{line}  {r.definition} [{r.source}]")
    banded = [r for r in rows if r.banded]
    inside = sum(r.verdict == "in" for r in banded)
    known = sum(r.verdict in ("in", "OUT") for r in banded)
    lines += ["", f"{inside} of {known} rows inside their bands ({inside / max(known, 1):.1%})"]
    missing = [r.key for r in banded if r.verdict == "not measured"]
    if missing:
        lines.append(f"not measured in this run: {', '.join(missing)}")
    outside = [r for r in banded if r.verdict == "OUT"]
    lines += [f"OUT  {r.key}: {_number(r.measured)}, band {_number(r.low)} to {_number(r.high)}" for r in outside]
    return "\n".join(lines)


# --- from seasons to figures -----------------------------------------------------------------------------------------

SPREAD_ATTEMPTS = 100  # a passer with fewer in a season says nothing about the spread
POCKET = ("time", "pressured", "first_pressure", "pressurers", "hit", "depth", "passer_speed", "nearest")
POCKET += tuple(f"nearest_{second}s" for second in (1, 2, 3, 4))
POCKET += tuple(f"{name}_{i}" for name in ("separation", "eligible") for i in range(5))
ELIGIBLE = ("WR", "TE", "RB")
SAMPLE_WEEKS = (1, 2, 3)  # of the first season, whose passes are compared with real ones
STATE = ("arrival_separation", "throw_distance", "flight_time")


@dataclass(frozen=True)
class Observed:
    """What is kept of one season: columns of its dropbacks, and its small tables."""

    dropbacks: Columns
    games: pd.DataFrame
    standings: pd.DataFrame
    passers: pd.DataFrame


def observe(season: Season) -> Observed:
    """Read one season, its frames week by week; the play-offs are left out."""
    games = season.games[~season.games["playoff"]]
    regular = season.plays["game_id"].isin(games["game_id"]).to_numpy()
    plays = season.plays[regular].reset_index(drop=True)
    truth = season.truth[regular].reset_index(drop=True)

    everything = season.play_by_play
    scrimmage = everything[everything["down"] > 0].reset_index(drop=True)
    epa = expected_points(scrimmage)["epa"]
    key = ["game_id", "play_id"]
    epa = pd.Series(epa.to_numpy(), pd.MultiIndex.from_frame(scrimmage[key]))
    p = dropback_columns(plays)
    p["epa"] = epa.loc[pd.MultiIndex.from_frame(plays[key])].to_numpy()
    p |= {name: truth[name].to_numpy() for name in STATE}

    parts = []
    for week in sorted(plays["week"].unique()):
        of_week = plays[plays["week"] == week]
        pocket = kinematics.pocket(kinematics.unpack(of_week, season.week_frames(int(week))))
        parts.append(pocket.set_index(of_week.index))
    pocket = pd.concat(parts).sort_index()
    p |= {name: pocket[name].to_numpy() for name in POCKET}
    return Observed(p, games, season.standings, passer_expectations(season, regular, p))


def passer_expectations(season: Season, regular: np.ndarray, p: Columns) -> pd.DataFrame:
    """What each passer's own law expects of his attempts, `by_passer`.

    `cpoe` is his completion probability less the average passer's; `rank` the expected mid-rank of his outcome in the
    average passer's law of the same release.
    """
    rows = np.flatnonzero(regular)[p["attempt"]]
    expected = {name: [] for name in SPREADS}
    for start in range(0, len(rows), 4096):
        part = rows[start : start + 4096]
        own, average = season.law(part), season.law(part, skill=False)
        mass, reference = own.pmf(), average.pmf()
        yards = np.arange(-99, 100)
        expected["completion"].append(own.p_complete)
        expected["cpoe"].append(own.p_complete - average.p_complete)
        expected["interception"].append(own.p_interception)
        expected["yards"].append(mass @ yards)
        expected["rank"].append((mass * (np.cumsum(reference, axis=1) - reference / 2)).sum(1))
    expected["air_yards"] = [p["air"][p["attempt"]]]
    table = pd.DataFrame({name: np.concatenate(parts) for name, parts in expected.items()})
    return by_passer(table, *(p[name][p["attempt"]] for name in ("passer_id", "game_id")))


def by_passer(table: pd.DataFrame, passer: np.ndarray, game: np.ndarray) -> pd.DataFrame:
    """Mean and variance over the attempts of each passer with `SPREAD_ATTEMPTS` of them and two games.

    The variance is that of independent attempts which would leave the mean as uncertain as it is. Attempts of one game
    have the opponent in common; it is the games that are independent.
    """
    group = table.groupby(passer)
    attempts = group.size()
    sums = (table - group.transform("mean")).groupby([passer, game]).sum()
    games = sums.groupby(level=0).size()
    variance = (sums**2).groupby(level=0).sum().mul(games / (games - 1) / attempts, axis=0)
    out = pd.concat([group.mean().add_suffix("_mean"), variance.add_suffix("_variance")], axis=1)
    out["attempts"] = attempts
    return out[(attempts >= SPREAD_ATTEMPTS) & (games > 1)]


def _columns(table: pd.DataFrame) -> Columns:
    return {name: table[name].to_numpy() for name in table}


def figures(observed: list[Observed], weeks: int, repeats: int, *, seed: int) -> tuple[dict, dict]:
    """All figures of sections 1 to 5 and 7, and their intervals."""
    p = {name: np.concatenate([o.dropbacks[name] for o in observed]) for name in observed[0].dropbacks}
    games = pd.concat([o.games for o in observed], ignore_index=True)
    standings = pd.concat([o.standings for o in observed], ignore_index=True)
    standings["wins_share"] = (standings["wins"] + standings["ties"] / 2) / weeks
    passers = pd.concat([o.passers for o in observed], ignore_index=True)
    games_played = team_games(p, games)
    qualified = passer_seasons(p, standings, weeks)
    measured, intervals = tails(p), {}
    for family, table, by in (
        (outcomes, p, p["game_id"]),
        (timing, p, p["game_id"]),
        (value, p, p["game_id"]),
        (winning, _columns(games_played), games_played["game_id"].to_numpy()),
        (stability, _columns(qualified), np.arange(len(qualified))),
        (team_seasons, _columns(standings), np.arange(len(standings))),
        (spreads, _columns(passers), np.arange(len(passers))),
    ):
        measured |= family(table)
        intervals |= bootstrap(family, table, by, repeats, seed=seed)
    return measured, intervals


def curves(table: pd.DataFrame) -> dict[str, float]:
    """Section 6, from `kinematics.kinematics`."""
    out = {}
    for group in kinematics.GROUPS:
        of = table[table["group"] == group]
        for q in (50, 95, 99):
            out[f"top_speed_{group}_q{q}"] = _quantile(of["top_speed"].to_numpy(), q / 100)
            out[f"peak_acceleration_{group}_q{q}"] = _quantile(of["peak_tangential"].to_numpy(), q / 100)
        for t in kinematics.TIMES:
            out[f"speed_{group}_{t}s"] = float(of[f"speed_{t}s"].mean())
            if group in ELIGIBLE:
                out[f"separation_{group}_{t}s"] = float(of[f"opponent_{t}s"].median())
    return out


def format_curves(measured: dict[str, float]) -> str:
    """Section 6 as text, target and measured in pairs."""
    targets = read_targets().set_index("key")["target"]
    lines = ["", "6 kinematics from snap to release, passes: target (highlights) | measured"]
    times = "0.5, 1, 1.5, 2, 2.5, 3 s"
    for what, groups, keys, unit in (
        (f"mean speed at {times}", kinematics.GROUPS, [f"speed_{{}}_{t}s" for t in kinematics.TIMES], "yd/s"),
        (f"median separation at {times}", ELIGIBLE, [f"separation_{{}}_{t}s" for t in kinematics.TIMES], "yd"),
        ("top speed, 50, 95, 99%", kinematics.GROUPS, [f"top_speed_{{}}_q{q}" for q in (50, 95, 99)], "yd/s"),
        (
            "peak tangential acceleration, 50, 95, 99%",
            kinematics.GROUPS,
            [f"peak_acceleration_{{}}_q{q}" for q in (50, 95, 99)],
            "yd/s²",
        ),
    ):
        lines.append(f"  {what}, {unit}")
        for group in groups:
            names = [key.format(group) for key in keys]
            target = " ".join(f"{targets[name]:5.1f}" for name in names)
            lines.append(f"    {group}  {target}  |  " + " ".join(f"{measured[name]:5.1f}" for name in names))
    gap = np.mean([abs(measured[name] - targets[name]) for name in measured if name.startswith("speed_")])
    return "\n".join([*lines, f"  mean absolute gap of the speed curves: {gap:.2f} yd/s"])


# --- real or not -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sample:
    """Passes to compare: how they moved, and in `match` (N, 2) the seconds to the throw and the target's depth then."""

    moves: kinematics.Moves
    match: np.ndarray


def passes(plays: pd.DataFrame, frames: pd.DataFrame) -> Sample:
    """The passes with a known target among some plays."""
    thrown = plays[plays["outcome"].isin(["complete", "incomplete", "interception"]) & (plays["target_id"] > 0)]
    moves = kinematics.unpack(thrown, frames)
    key = ["game_id", "play_id"]
    targets = thrown[[*key, "release_frame", "target_id"]].rename(
        columns={"release_frame": "frame_id", "target_id": "player_id"}
    )
    at = targets.merge(frames[[*key, "frame_id", "player_id", "x"]], on=[*key, "frame_id", "player_id"], how="left")
    return Sample(moves, np.column_stack([moves.release / kinematics.RATE, at["x"].to_numpy() - moves.snap_x]))


def real_passes() -> Sample | None:
    """The highlight plays of `qbsbp.datasets.ngs_highlights`, None where QBSBP_DATA is not set."""
    if "QBSBP_DATA" not in os.environ:
        return None
    from qbsbp.datasets import ngs_highlights

    tracking = ngs_highlights.read(progress=False)
    return passes(tracking.plays, tracking.frames)


def give_away(real: Sample, synthetic: Sample, *, seed: int, repeats: int) -> tuple[str, dict]:
    """The two-sample tests as text and as numbers: kinematic summaries of equally many plays of both kinds."""

    def players(sample: Sample, rows: np.ndarray | slice = slice(None)) -> pd.DataFrame:
        table = kinematics.kinematics(sample.moves[rows])
        return table[table["group"] != "other"]

    def like(columns: list[int]) -> pd.DataFrame:
        scale = tuple(np.array([0.1, 1.0])[columns])  # s, yards
        rows = kinematics.matched(real.match[:, columns], synthetic.match[:, columns], scale, seed=seed)
        return players(synthetic, rows)

    names = tuple(kinematics.FEATURES)
    theirs, own, deep = players(real), like([0]), like([0, 1])
    half = np.random.default_rng(seed).permutation(len(real.moves)) % 2 == 0
    lines = [
        "",
        f"Two-sample test: gradient boosting on summaries of single players, {len(real.moves)} real highlight passes",
        "against as many synthetic ones, five folds of whole plays; area under the ROC curve (0.5: nothing to tell)",
    ]
    numbers = {}
    for title, one, other, features in (
        (f"all {len(names)} kinematic summaries, matched on time to throw", theirs, own, names),
        (f"of these the movement only ({len(kinematics.MOVEMENT)})", theirs, own, kinematics.MOVEMENT),
        (f"the torso only ({len(kinematics.TORSO)})", theirs, own, kinematics.TORSO),
        (f"what the sensor adds only ({len(kinematics.SENSOR)})", theirs, own, kinematics.SENSOR),
        ("all, matched on time to throw and the target's depth", theirs, deep, names),
        ("the same, with places and nearest opponents", theirs, deep, (*names, *kinematics.PLACES)),
        ("all, one half of the real passes against the other", players(real, half), players(real, ~half), names),
    ):
        test = kinematics.two_sample(one, other, features, seed=seed, repeats=repeats)
        lines.append(f"  {test.auc:.3f} ({test.low:.3f} to {test.high:.3f})  {title}")
        numbers[title] = {"auc": test.auc, "interval": [test.low, test.high]}
        if len(numbers) == 1:
            first = test
    lines += [
        "",
        "What gives them away, matched on time to throw: loss of area when the summary is shuffled; its area alone",
        "(above 0.5: synthetic is larger); medians real and synthetic",
    ]
    tests = {"all": first}
    for g in kinematics.GROUPS:
        pair = theirs[theirs["group"] == g], own[own["group"] == g]
        tests[g] = kinematics.two_sample(*pair, names, seed=seed, repeats=repeats)
    for name, test in tests.items():
        lines.append(f"  {name}: {test.auc:.3f} ({test.low:.3f} to {test.high:.3f})")
        for _, f in test.features.head(6).iterrows():
            lines.append(
                f"    {f['drop']:+.3f}  {f['alone']:.2f}  {f['real']:8.2f} {f['synthetic']:8.2f}  "
                f"{kinematics.FEATURES[f['feature']]}"
            )
        numbers[name] = {"auc": test.auc, "features": test.features.to_dict("records")}
    return "\n".join(lines), numbers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--plays", type=int, default=50_000, help="dropbacks at least, in whole seasons")
    parser.add_argument("--quick", action="store_true", help="one season, no intervals")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--repeats", type=int, default=200, help="bootstrap samples")
    parser.add_argument("--no-test", action="store_true", help="leave the two-sample test out")
    parser.add_argument("--json", type=Path, help="write the numbers to this file too")
    args = parser.parse_args()
    repeats = 0 if args.quick else args.repeats
    start = time.perf_counter()
    config = LeagueConfig(seasons=100)
    observed, sample, kinematic = [], None, None
    count = 0
    for season in make_league(config, seed=args.seed):
        observed.append(observe(season))
        count += len(observed[-1].dropbacks["attempt"])
        if sample is None:
            plays = season.plays[season.plays["week"].isin(SAMPLE_WEEKS)]
            sample = passes(plays, pd.concat([season.week_frames(w) for w in SAMPLE_WEEKS], ignore_index=True))
            kinematic = kinematics.kinematics(sample.moves)
        if args.quick or count >= args.plays:
            break
    measured, intervals = figures(observed, config.weeks, repeats, seed=args.seed)
    measured |= curves(kinematic)
    rows = rows_of(measured, intervals)
    print(f"{count:,} dropbacks of {len(observed)} regular seasons, seed {args.seed}")
    print(format_rows(rows))
    print(format_curves(curves(kinematic)))
    test = {}
    real = None if args.no_test else real_passes()
    if real is not None:
        text, test = give_away(real, sample, seed=args.seed, repeats=repeats)
        print(text)
    elif not args.no_test:
        print("\nTwo-sample test left out: set QBSBP_DATA to a folder with ngs_highlights to compare with real plays.")
    seconds = time.perf_counter() - start
    print(f"\n{seconds:.0f} s")
    if args.json:
        table = [asdict(row) | {"verdict": row.verdict} for row in rows]
        args.json.write_text(json.dumps({"dropbacks": count, "seed": args.seed, "rows": table, "test": test}, indent=1))


if __name__ == "__main__":
    main()
