"""A game of football as a chain of plays: score, clock, down and distance, and who does what because of them.

All games advance side by side, arrays over games. What a dropback brings comes from outside, from the `passing`
argument of :func:`play_games`; everything else is settled here by simple laws of its own:

| what | law |
|---|---|
| run | -1.6 + Gamma(2.6, 2.15) yards, one in ten plus a generalized Pareto, rounded down; less room near the goal |
| fumble | lost on 0.5 % of runs and completions and on 6 % of sacks |
| kick-off | touchback (58 %) to the 25, else a return to about the 23; onside kick when the clock asks for it |
| punt | net Normal(42.5, 8) yards; short of the goal line half are downed there |
| field goal | logit of success 6.9 - 0.12 x distance, kick from 7 yards behind the line and 10 more to the posts |
| penalty | 6.7 % of snaps, no play: -5, -10, +5, or a first down |
| try | kick 94 %; two points (48 %) in the last quarter where the score asks for it |
| fourth down | kick, unless one yard or two are missing near midfield, or time runs out |
| choice of pass or run | logit linear in down, distance, and score times a weight that grows as time runs out |
| clock | a play takes its time; unless it stops the clock, the offence then waits by its tempo |

A gain is in yards, a time in seconds, sides are 0 (home) and 1 (away). Chapter: how the league is made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

__all__ = ["KINDS", "OUTCOMES", "Fixtures", "Moment", "Dropbacks", "GameLog", "need", "play_games"]

KINDS = ("pass", "run", "punt", "field_goal", "kickoff", "penalty", "kneel")
PASS, RUN, PUNT, FIELD_GOAL, KICKOFF, PENALTY, KNEEL = range(len(KINDS))
OUTCOMES = ("complete", "incomplete", "interception", "sack", "scramble")
COMPLETE, INCOMPLETE, INTERCEPTION, SACK, SCRAMBLE = range(len(OUTCOMES))

QUARTER, OVERTIME = 900.0, 600.0  # s
TOUCHBACK_KICKOFF, TOUCHBACK = 75, 80  # yards to the goal of the side that gets the ball
RUN_YARDS = 0.35  # yards a run gains or loses with one standard deviation of running game or of run defence
PENALTIES = (  # share of snaps, yards to the offence, whether it brings a first down
    (0.020, -5, False),  # false start
    (0.016, -10, False),  # holding
    (0.010, 5, False),  # offside
    (0.012, 5, True),  # holding by the defence
    (0.009, 16, True),  # pass interference
)


@dataclass(frozen=True)
class Fixtures:
    """Who is how good at what `passing` does not settle: arrays (games, 2), home side first, 0 = league average.

    Args:
        running: Running game, in standard deviations of the league.
        run_defence: Defence against the run, likewise.
        kicking: Kicks and their returns, likewise.
        pass_taste: Added to the logit of passing rather than running.
    """

    running: np.ndarray
    run_defence: np.ndarray
    kicking: np.ndarray
    pass_taste: np.ndarray


@dataclass(frozen=True)
class Moment:
    """What is known before some plays of different games: arrays (n,)."""

    game: np.ndarray
    side: np.ndarray  # which side has the ball
    quarter: np.ndarray
    clock: np.ndarray  # s left of the quarter
    down: np.ndarray  # 0 before a kick-off
    yards_to_go: np.ndarray
    yards_to_goal: np.ndarray
    score_difference: np.ndarray  # of the side with the ball
    drive: np.ndarray


@dataclass(frozen=True)
class Dropbacks:
    """What came of some dropbacks: arrays (n,). `outcome` codes `OUTCOMES`; yards are integers."""

    outcome: np.ndarray
    yards_gained: np.ndarray
    air_yards: np.ndarray
    return_yards: np.ndarray


@dataclass(frozen=True)
class GameLog:
    """All plays of all games, game by game in order: arrays (plays,), and the final `score` (games, 2).

    `moment` is the situation before the play. `points_offence` and `points_defence` are what the play brought to the
    side with the ball (of a kick: the kicking side) and to the other, the try included. `dropback` numbers the plays
    handed to `passing` in the order in which they were, -1 elsewhere; `outcome` is -1 there too.
    """

    moment: Moment
    kind: np.ndarray
    yards: np.ndarray
    points_offence: np.ndarray
    points_defence: np.ndarray
    turnover: np.ndarray
    outcome: np.ndarray
    dropback: np.ndarray
    score: np.ndarray


def need(moment: Moment) -> np.ndarray:
    """How much the side with the ball needs points: its deficit in scores of 8 times (time gone)², shape (n,).

    Time gone counts from 0 a quarter into the game to 1 at its end. The deficit is at most 2.5 scores, and negative
    with a lead; in overtime 0.
    """
    left = moment.clock + QUARTER * np.maximum(4 - moment.quarter, 0)
    gone = np.clip(1 - left / (3 * QUARTER), 0, 1)
    return np.where(moment.quarter >= 5, 0.0, np.clip(-moment.score_difference / 8, -2.5, 2.5) * gone**2)


def play_games(
    fixtures: Fixtures,
    passing: Callable[[Moment], Dropbacks],
    *,
    rng: np.random.Generator,
    clock_speed: float = 1.0,
) -> GameLog:
    """Play all games to their end, overtime included.

    Every game runs on through kicks and runs until it comes to a dropback; all that wait for one go to `passing` in
    one call. A regular season's 272 games take about a hundred such calls.

    Args:
        fixtures: Strengths of both sides of every game.
        passing: Settles dropbacks: called with the situations, returns what came of them.
        rng: Source of all randomness but that of `passing`.
        clock_speed: Seconds that the clock runs down in one second: games with fewer plays, of the usual four quarters.

    Returns:
        Every play, in order, with the final scores.
    """
    games = _Games(fixtures, rng, clock_speed)
    while games.live.any():
        ready = games.live & ~games.passes
        while ready.any():
            games.step(np.flatnonzero(ready))
            ready = games.live & ~games.passes
        waiting = np.flatnonzero(games.live)
        if len(waiting):
            games.resolve_passes(waiting, passing)
    return games.log()


class _Games:
    """The state of all games, and how one play changes it."""

    def __init__(self, fixtures: Fixtures, rng: np.random.Generator, clock_speed: float):
        n = len(fixtures.running)
        self.fixtures, self.rng, self.clock_speed = fixtures, rng, clock_speed
        self.score = np.zeros((n, 2), dtype=np.int64)
        self.timeouts = np.full((n, 2), 3)
        self.opener = rng.integers(0, 2, n)  # side that kicks off the game, and receives after half-time
        self.side = self.opener.copy()  # with the ball, or about to kick
        self.quarter = np.ones(n, dtype=np.int64)
        self.clock = np.full(n, QUARTER)
        self.down = np.zeros(n, dtype=np.int64)
        self.to_go = np.full(n, 10)
        self.to_goal = np.full(n, 65)
        self.drive = np.zeros(n, dtype=np.int64)
        self.kickoff = np.ones(n, dtype=bool)
        self.overtime_drives = np.zeros(n, dtype=np.int64)  # possessions of overtime that have ended
        self.live = np.ones(n, dtype=bool)
        self.passes = np.zeros(n, dtype=bool)  # a dropback comes next
        self.dropbacks = 0
        self.records: list[tuple] = []

    # ---- what comes next

    def difference(self, g: np.ndarray) -> np.ndarray:
        """Points of the side with the ball less those of the other."""
        return self.score[g, self.side[g]] - self.score[g, 1 - self.side[g]]

    def left(self, g: np.ndarray) -> np.ndarray:
        """Seconds left of the game, or of overtime."""
        return self.clock[g] + QUARTER * np.maximum(4 - self.quarter[g], 0)

    def moment(self, g: np.ndarray) -> Moment:
        return Moment(
            g,
            self.side[g],
            self.quarter[g],
            self.clock[g],
            self.down[g],
            self.to_go[g],
            self.to_goal[g],
            self.difference(g),
            self.drive[g],
        )

    def step(self, g: np.ndarray) -> None:
        """One play that is no dropback, or the mark that a dropback comes next."""
        kicks = self.kickoff[g]
        self.resolve_kickoffs(g[kicks])
        g = g[~kicks]
        kind = self.choose(g)
        self.passes[g[kind == PASS]] = True
        for code, resolve in (
            (RUN, self.resolve_runs),
            (KNEEL, self.resolve_kneels),
            (PUNT, self.resolve_punts),
            (FIELD_GOAL, self.resolve_field_goals),
            (PENALTY, self.resolve_penalties),
        ):
            chosen = g[kind == code]
            if len(chosen):
                resolve(chosen)

    def hurries(self, g: np.ndarray) -> np.ndarray:
        """Whether the side with the ball is short of time."""
        difference, clock, quarter = self.difference(g), self.clock[g], self.quarter[g]
        half_ends = (quarter == 2) & (clock <= 120) & (difference < 17)
        behind = (quarter == 4) & (difference < 0) & (clock <= np.where(difference < -8, 420, 240))
        level = (quarter == 4) & (difference == 0) & (clock <= 120)
        return half_ends | behind | level | ((quarter >= 5) & (clock <= 120))

    def choose(self, g: np.ndarray) -> np.ndarray:
        rng = self.rng
        down, to_go, to_goal = self.down[g], self.to_go[g], self.to_goal[g]
        quarter, clock, difference = self.quarter[g], self.clock[g], self.difference(g)
        left = self.left(g)
        kind = np.where(rng.random(len(g)) < self.pass_probability(g), PASS, RUN)

        # A field goal where the half ends, or on fourth down in range.
        last_call = ((quarter == 2) & (clock < 12)) | ((quarter >= 4) & (clock < 12) & (difference >= -3))
        in_range = to_goal <= 37 + np.where(last_call, 4, 0)
        last_kick = last_call & in_range & ~((quarter >= 4) & (difference > 0))
        # Time runs out: a fourth down must be played, unless a field goal will do.
        must = (quarter >= 4) & (difference < 0)
        must &= (left < 120) | ((left < 300) & (difference < -8)) | ((left < 600) & (difference < -16))
        must &= ~((difference >= -3) & in_range)
        must |= (quarter == 4) & (difference < -3) & (left < 240) & (to_goal <= 60)
        bold = np.where(to_go == 1, 0.45, np.where(to_go == 2, 0.2, np.where(to_go <= 4, 0.05, 0.01)))
        bold = bold * np.where(to_goal > 60, 0.15, np.where((to_goal >= 34) & (to_goal <= 45), 1.6, 1.0))
        go = must | (rng.random(len(g)) < bold)
        kick = np.where(in_range, FIELD_GOAL, PUNT)
        kind = np.where((down == 4) & ~go, kick, kind)
        kind = np.where(last_kick, FIELD_GOAL, kind)

        # A lead that the clock will carry home is knelt on; so is the end of a half far from everything.
        burns = 42.0 * (4 - down) - 40.0 * np.minimum(self.timeouts[g, 1 - self.side[g]], 4 - down)
        kneels = (quarter == 4) & (difference > 0) & (clock <= burns) & (down < 4)
        kneels |= (quarter == 2) & (clock <= 25) & (to_goal > 65)
        kind = np.where(kneels, KNEEL, kind)

        flags = rng.random(len(g)) < sum(share for share, _, _ in PENALTIES)
        return np.where(flags & (kind != KNEEL), PENALTY, kind)

    def pass_probability(self, g: np.ndarray) -> np.ndarray:
        """Logistic in down and distance; who is behind passes the more, the less time is left."""
        down, to_go, quarter = self.down[g], self.to_go[g], self.quarter[g]
        logit = np.select(
            [down == 1, down == 2, down == 3],
            [
                -0.34 - 0.03 * np.minimum(to_go - 10, 0) * (self.to_goal[g] <= 10),
                -0.70 + 0.13 * np.minimum(to_go, 12),
                -1.9 + 1.05 * np.minimum(to_go, 4),
            ],
            -1.6 + 0.85 * np.minimum(to_go, 5),
        )
        logit = logit + 0.3 * (self.to_goal[g] <= 5)
        logit = logit + 1.5 * need(self.moment(g)) + 1.5 * self.hurries(g)
        logit = logit - 1.2 * ((quarter == 4) & (self.clock[g] < 240) & (self.difference(g) > 0))
        logit = logit + self.fixtures.pass_taste[g, self.side[g]]
        return 1 / (1 + np.exp(-logit))

    # ---- plays

    def resolve_passes(self, g: np.ndarray, passing: Callable[[Moment], Dropbacks]) -> None:
        rng, moment = self.rng, self.moment(g)
        drawn = passing(moment)
        self.passes[g] = False
        outcome, yards = drawn.outcome, drawn.yards_gained.astype(np.int64)
        fumble = rng.random(len(g)) < np.select([outcome == SACK, outcome == INCOMPLETE], [0.06, 0.0], 0.005)
        fumble &= (yards < moment.yards_to_goal) & (yards > moment.yards_to_goal - 100)
        intercepted = outcome == INTERCEPTION
        # Spots are measured from the goal that the offence attacks.
        caught = moment.yards_to_goal - np.rint(drawn.air_yards).astype(np.int64)
        ends = np.where(intercepted, caught + drawn.return_yards.astype(np.int64), moment.yards_to_goal - yards)
        touchback = intercepted & (ends <= 0)
        ends = np.where(touchback, 100 - TOUCHBACK, ends)
        inbounds = (outcome == COMPLETE) | (outcome == SACK) | (outcome == SCRAMBLE)
        outside = inbounds & (outcome != SACK) & (rng.random(len(g)) < np.where(self.hurries(g), 0.35, 0.2))
        seconds = np.where(outcome == INCOMPLETE, 5.5, 6.0 + np.maximum(yards, 0) / 9)
        number = self.dropbacks + np.arange(len(g))
        self.dropbacks += len(g)
        self.advance(
            g,
            PASS,
            np.where(intercepted, 0, yards),
            lost=fumble | intercepted,
            ends=ends,
            seconds=seconds,
            runs_on=inbounds,
            outside=outside,
            outcome=outcome,
            dropback=number,
        )

    def resolve_runs(self, g: np.ndarray) -> None:
        rng, n = self.rng, len(g)
        side, to_goal = self.side[g], self.to_goal[g]
        room = RUN_YARDS * (self.fixtures.running[g, side] - self.fixtures.run_defence[g, 1 - side])
        squeeze = np.minimum(1.0, 0.7 + 0.03 * to_goal)  # the last ten yards are crowded
        gain = -1.6 + rng.gamma(2.6, 2.15, n) * squeeze
        breaks = rng.random(n) < 1 / 10
        beyond = 7.0 * ((1 - rng.random(n)) ** -0.15 - 1) / 0.15  # generalized Pareto, xi 0.15, beta 7 yards
        gain = gain + room + np.where(breaks, beyond, 0.0)
        yards = np.clip(np.floor(gain), to_goal - 104, to_goal).astype(np.int64)
        fumble = (rng.random(n) < 0.005) & (yards < to_goal) & (yards > to_goal - 100)
        outside = rng.random(n) < np.where(self.hurries(g), 0.22, 0.1)
        self.advance(
            g,
            RUN,
            yards,
            lost=fumble,
            ends=to_goal - yards,
            seconds=5.0 + np.maximum(yards, 0) / 8,
            runs_on=np.ones(n, dtype=bool),
            outside=outside,
        )

    def resolve_kneels(self, g: np.ndarray) -> None:
        n = len(g)
        yards = np.where(self.to_goal[g] < 98, -1, 0)
        nothing = np.zeros(n, dtype=bool)
        self.advance(
            g,
            KNEEL,
            yards,
            lost=nothing,
            ends=self.to_goal[g] - yards,
            seconds=np.full(n, 2.0),
            runs_on=~nothing,
            outside=nothing,
        )

    def resolve_penalties(self, g: np.ndarray) -> None:
        rng, n = self.rng, len(g)
        share, yards, first = (np.array(column) for column in zip(*PENALTIES))
        which = rng.choice(len(share), n, p=share / share.sum())
        to_goal, to_go = self.to_goal[g], self.to_go[g]
        gain = yards[which]
        # Half the distance at most, on either side.
        gain = np.where(gain > 0, np.minimum(gain, (to_goal + 1) // 2), np.maximum(gain, -((100 - to_goal) // 2)))
        gain = np.clip(gain, to_goal - 99, to_goal - 1)
        self.record(g, PENALTY, gain)
        first = first[which] | (gain >= to_go)
        self.to_goal[g] = to_goal - gain
        self.down[g] = np.where(first, 1, self.down[g])
        self.to_go[g] = np.where(first, np.minimum(10, self.to_goal[g]), to_go - gain)
        self.spend(g, np.full(n, 3.0), np.zeros(n))
        self.turn_quarters(g)

    def resolve_punts(self, g: np.ndarray) -> None:
        rng, n = self.rng, len(g)
        side, to_goal = self.side[g], self.to_goal[g]
        edge = self.fixtures.kicking[g, side] - self.fixtures.kicking[g, 1 - side]
        spot = to_goal - np.rint(rng.normal(42.5 + 0.8 * edge, 8.0)).astype(np.int64)  # yards from the far goal
        short = spot < 6
        downed = short & (rng.random(n) < 0.5)
        spot = np.where(downed, rng.integers(2, 13, n), np.where(short, 100 - TOUCHBACK, spot))
        luck = rng.random(n)
        home = luck < 0.003  # returned all the way
        kept = (luck > 0.994) & ~home  # muffed, and recovered by the side that kicked
        spot = np.clip(spot, 1, 99)
        self.record(g, PUNT, to_goal - spot, points_defence=np.where(home, 6 + self.tries(g, 1 - side, home), 0))
        self.spend(g, np.full(n, 9.0), np.zeros(n))
        self.give(g[~home & ~kept], 100 - spot[~home & ~kept])
        self.give(g[kept], spot[kept], keep=True)
        self.kick_next(g[home], 1 - side[home])
        self.end_overtime(g[home], touchdown=True)
        self.turn_quarters(g)

    def resolve_field_goals(self, g: np.ndarray) -> None:
        rng, n = self.rng, len(g)
        side, to_goal = self.side[g], self.to_goal[g]
        logit = 6.9 - 0.12 * (to_goal + 17) + 0.3 * self.fixtures.kicking[g, side]
        good = rng.random(n) < 1 / (1 + np.exp(-logit))
        self.score[g, side] += 3 * good
        self.record(g, FIELD_GOAL, np.zeros(n, dtype=np.int64), points_offence=3 * good)
        self.spend(g, np.full(n, 4.5), np.zeros(n))
        self.kick_next(g[good], side[good])
        spot = np.maximum(to_goal + 7, 100 - TOUCHBACK)
        self.give(g[~good], 100 - spot[~good])
        self.end_overtime(g[good], touchdown=False)
        self.turn_quarters(g)

    def resolve_kickoffs(self, g: np.ndarray) -> None:
        if not len(g):
            return
        rng, n = self.rng, len(g)
        side = self.side[g]
        edge = self.fixtures.kicking[g, side] - self.fixtures.kicking[g, 1 - side]
        self.drive[g] += 1
        self.down[g] = 0
        free = self.to_goal[g] == 80  # after a safety, from the 20
        difference = self.difference(g)
        onside = (self.quarter[g] == 4) & (difference < 0) & ~free
        onside &= (self.clock[g] < 150) | ((self.clock[g] < 300) & (difference < -8))
        kept = onside & (rng.random(n) < 0.12)
        returned = rng.random(n) > 0.58
        start = 100 - np.clip(np.rint(rng.normal(22.5 - 0.8 * edge, 7.0)), 4, 60).astype(np.int64)
        start = np.where(returned, start, TOUCHBACK_KICKOFF)
        start = np.where(free, np.clip(start - 15, 40, 99), start)
        start = np.where(onside, np.where(kept, 53, 47), start)
        home = returned & ~onside & (rng.random(n) < 0.004)
        points = np.where(home, 6 + self.tries(g, 1 - side, home), 0)
        self.record(g, KICKOFF, np.zeros(n, dtype=np.int64), points_defence=points)
        self.spend(g, np.where(returned | onside, 5.0, 0.0), np.zeros(n))
        self.kickoff[g] = False
        self.give(g[~kept & ~home], start[~kept & ~home], opens=False)
        self.give(g[kept], start[kept], keep=True, opens=False)
        self.kick_next(g[home], 1 - side[home])
        self.end_overtime(g[home], touchdown=True)
        self.turn_quarters(g)

    # ---- what a play changes

    def advance(self, g, kind, yards, *, lost, ends, seconds, runs_on, outside, outcome=None, dropback=None) -> None:
        """Move ball, chains, score and clock after a play from scrimmage.

        `ends` is where the play ended, in yards from the goal that the offence attacks; `lost` says that the other
        side then has the ball. `runs_on`: the clock runs after the play, unless it went `outside`.
        """
        side, down, to_go = self.side[g], self.down[g], self.to_go[g]
        touchdown = ~lost & (ends <= 0)
        safety = ~lost & (ends >= 100)
        returned = lost & (ends >= 100)  # all the way
        first = ~lost & ~touchdown & ~safety & (yards >= to_go)
        downs = ~lost & ~touchdown & ~safety & ~first & (down == 4)
        points_offence = np.where(touchdown, 6 + self.tries(g, side, touchdown), 0)
        points_defence = np.where(returned, 6 + self.tries(g, 1 - side, returned), np.where(safety, 2, 0))
        hurries = self.hurries(g)
        self.record(g, kind, yards, points_offence, points_defence, lost | downs, outcome, dropback)

        scored = touchdown | safety | returned
        changes = (lost | downs) & ~returned
        self.down[g] = np.where(first, 1, down + 1)
        self.to_goal[g] = np.clip(ends, 1, 99)
        self.to_go[g] = np.where(first, np.minimum(10, self.to_goal[g]), np.minimum(to_go - yards, self.to_goal[g]))
        self.spend(g, seconds, self.wait(g, runs_on & ~scored & ~changes, outside, hurries, kind))
        self.give(g[changes], 100 - np.clip(ends[changes], 1, 99))
        self.kick_next(g[touchdown], side[touchdown])
        self.kick_next(g[returned], 1 - side[returned])
        self.kick_next(g[safety], side[safety], free=True)
        self.end_overtime(g[scored], touchdown=True)
        self.turn_quarters(g)

    def tries(self, g: np.ndarray, side: np.ndarray, scored: np.ndarray) -> np.ndarray:
        """Points of the try after a touchdown of `side`; adds the touchdown and the try to the score."""
        rng, n = self.rng, len(g)
        after = self.score[g, side] + 6 - self.score[g, 1 - side]
        two = (self.quarter[g] == 4) & np.isin(after, (-10, -5, -2, 1, 5, 12))
        kick, run = rng.random(n) < 0.94, rng.random(n) < 0.48
        points = np.where(two, 2 * run, 1 * kick)
        points = np.where(self.quarter[g] >= 5, 0, points)  # the game is over
        self.score[g, side] += np.where(scored, 6 + points, 0)
        return points

    def wait(self, g, runs_on, outside, hurries, kind) -> np.ndarray:
        """Seconds off the clock between the end of a play and the next snap."""
        rng, n = self.rng, len(g)
        quarter, clock, difference = self.quarter[g], self.clock[g], self.difference(g)
        side = self.side[g]
        tempo = rng.normal(33.5, 4.0, n)
        late = (quarter == 4) & (clock < 360)
        tempo = np.where(late & (difference > 0), rng.normal(37.0, 2.5, n), tempo)
        tempo = np.where(hurries, rng.normal(15.0, 4.0, n), tempo)
        tempo = np.where(kind == KNEEL, 40.0, tempo)
        stopped = ((quarter == 2) & (clock < 120)) | ((quarter >= 4) & (clock < 300))
        tempo = np.where(outside, np.where(stopped, 0.0, 0.45 * tempo), tempo)
        running = runs_on & (tempo > 0)
        # Time-outs: of the defence that is behind, and of the offence in a hurry.
        behind = running & (quarter == 4) & (difference > 0) & (difference <= 16) & (clock < 180)
        behind &= self.timeouts[g, 1 - side] > 0
        short = running & hurries & (clock < 70) & ~behind & (self.timeouts[g, side] > 0)
        short &= rng.random(n) < 0.7
        self.timeouts[g[behind], 1 - side[behind]] -= 1
        self.timeouts[g[short], side[short]] -= 1
        tempo = np.where(behind | short, 0.0, tempo)
        return np.where(runs_on, np.maximum(tempo, 0.0), 0.0)

    def spend(self, g: np.ndarray, seconds: np.ndarray, waits: np.ndarray) -> None:
        """Take a play and the wait after it off the clock; the two-minute warning cuts the wait short."""
        ends = self.clock[g] - self.clock_speed * seconds
        snap = ends - self.clock_speed * waits
        warned = ((self.quarter[g] == 2) | (self.quarter[g] == 4)) & (ends > 120) & (snap < 120)
        self.clock[g] = np.round(np.maximum(np.where(warned, 120.0, snap), 0.0))

    def give(self, g: np.ndarray, to_goal: np.ndarray, *, keep: bool = False, opens: bool = True) -> None:
        """A first down `to_goal` yards from the goal for the other side, or with `keep` for the same."""
        if not keep:
            self.side[g] = 1 - self.side[g]
        self.to_goal[g] = np.clip(to_goal, 1, 99)
        self.to_go[g] = np.minimum(10, self.to_goal[g])
        self.down[g] = 1
        if opens:
            self.drive[g] += 1
            over = self.quarter[g] >= 5
            self.overtime_drives[g[over]] += 1
            self.end_overtime(g[over], touchdown=False)

    def kick_next(self, g: np.ndarray, side: np.ndarray, *, free: bool = False) -> None:
        """A kick-off by `side` comes next, `free` from its 20 after a safety."""
        self.kickoff[g] = True
        self.side[g] = side
        self.to_goal[g] = 80 if free else 65
        self.to_go[g] = 10
        over = self.quarter[g] >= 5
        self.overtime_drives[g[over]] += 1

    def end_overtime(self, g: np.ndarray, *, touchdown: bool) -> None:
        """Overtime ends by a touchdown or safety, or with unequal scores once both sides had the ball."""
        ahead = self.score[g, 0] != self.score[g, 1]
        over = (self.quarter[g] >= 5) & ahead & (touchdown | (self.overtime_drives[g] >= 2))
        self.live[g[over]] = False

    def turn_quarters(self, g: np.ndarray) -> None:
        g = g[(self.clock[g] <= 0) & self.live[g]]
        if not len(g):
            return
        quarter = self.quarter[g]
        tied = self.score[g, 0] == self.score[g, 1]
        self.live[g[(quarter >= 5) | ((quarter == 4) & ~tied)]] = False
        self.quarter[g] = quarter + 1
        self.clock[g] = np.where(quarter >= 4, OVERTIME, QUARTER)
        half, overtime = g[quarter == 2], g[(quarter == 4) & tied]
        self.timeouts[half] = 3
        self.timeouts[overtime] = 2
        self.kick_next(half, 1 - self.opener[half])
        self.kick_next(overtime, self.rng.integers(0, 2, len(overtime)))
        self.overtime_drives[overtime] = 0

    # ---- the book

    def record(
        self, g, kind, yards, points_offence=None, points_defence=None, turnover=None, outcome=None, dropback=None
    ) -> None:
        """Write plays down. Touchdowns and field goals were added to the score before, safeties are added here."""
        n = len(g)
        zero = np.zeros(n, dtype=np.int64)
        points_offence = zero if points_offence is None else points_offence
        points_defence = zero if points_defence is None else points_defence
        moment = self.moment(g)
        safety = points_defence == 2
        # moment() sees the new score; the situation before the play is wanted
        before = np.where(safety, 0, points_defence)
        difference = moment.score_difference - points_offence + before
        self.score[g[safety], 1 - self.side[g[safety]]] += 2
        none = np.full(n, -1)
        self.records.append(
            (
                g,
                moment.side,
                moment.quarter,
                moment.clock,
                moment.down,
                moment.yards_to_go,
                moment.yards_to_goal,
                difference,
                moment.drive,
                np.full(n, kind),
                yards,
                points_offence,
                points_defence,
                zero.astype(bool) if turnover is None else turnover,
                none if outcome is None else outcome,
                none if dropback is None else dropback,
            )
        )

    def log(self) -> GameLog:
        columns = [np.concatenate(column) for column in zip(*self.records)]
        order = np.argsort(columns[0], kind="stable")
        columns = [column[order] for column in columns]
        return GameLog(Moment(*columns[:9]), *columns[9:], score=self.score)
