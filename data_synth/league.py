"""A league: teams and passers with true skills, a schedule, seasons that follow from play.

Every dropback is played by `data_synth.play` (22 players on the field) and settled by `data_synth.outcome` (the true
law); `data_synth.game` strings plays into games. What a team is good at it is good at all season, but receivers and
coverage have their days; between seasons its units drift, passers age, retire, come and change teams. Chapter: how the
league is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date, timedelta

import numpy as np
import pandas as pd

from data_synth import game, outcome, play
from data_synth.season import Season, TrackStore
from qbsbp.schema import FOOTBALL

__all__ = ["LeagueConfig", "UNITS", "make_season", "make_league", "schedule"]

# Standard deviations between teams, in the units that `play` and `game` take. Their balance, with the passers' own,
# gives the correlations of passing with winning.
UNITS = {
    "receivers": 2.0,
    "protection": 1.4,
    "rush": 0.9,
    "coverage": 1.5,
    "running": 1.25,
    "run_defence": 1.25,
    "kicking": 1.1,
}
# How much better or worse than themselves receivers and coverage are on a day, standard deviations: form is in the
# yards of a game and in its result, and gone the week after.
FORM = {"receivers": 3.4, "coverage": 3.4}
MOST = 5.0  # standard deviations that a strength or skill is from average at most
MOST_ON_A_DAY = 9.5  # the same of a team's strength on a day, with all that adds to it
CLUB = 0.25  # correlation between two units of one team: a good club is good at many things
PASS_TASTE = 0.2  # sd between teams of the logit of passing
# The same between passers.
SKILLS = {"accuracy": 1.0, "decision": 0.6, "depth": 1.0, "mobility": 0.4}
DEEPER = 0.2  # standard deviations of depth that a passer adds by `game.need` of points
EXPECTED = 3.5  # standard deviations by which coverage is better then: who must pass is expected to
ARM = 0.4  # correlation of accuracy and depth: who throws well throws deep

# Ages of passers. A skill is a talent that wanders plus what age adds: -((age - PEAK) / DECLINE)² sd, mobility less.
PEAK, DECLINE = 29.0, 9.0
MOBILITY_A_YEAR = -0.06  # sd
ROOKIE_AGE = (22, 24)
RETIREMENT_AGE, RETIREMENT_SLOPE = 37.0, 0.5  # logistic in age, a year
RELEASED = 0.2  # share of backups who leave the league in a year besides
SCOUTING_ERROR = 0.5  # sd of what a team believes of a passer, when it names its starter
WEEKS_OUT = 4.0  # mean length of an absence
WARM_UP = 15  # years that pass before the first season, so that ages and skills are those of a running league
TRADE_WEEK = 9  # first week after the deadline

ROSTER = {"QB": 0, "RB": 4, "WR": 7, "TE": 4, "OL": 9, "DL": 8, "LB": 9, "DB": 10}  # a team's, passers apart
FIRST_PASSER, FIRST_PLAYER = 10001, 20000  # player_ids
TEAM_NAMES = (
    "ALD",
    "ASH",
    "BIR",
    "BRK",
    "CED",
    "CLO",
    "COB",
    "CRE",
    "DOV",
    "EAS",
    "ELM",
    "FAL",
    "FER",
    "GAR",
    "GLE",
    "HAR",
    "HOL",
    "IVY",
    "JUN",
    "KES",
    "LAR",
    "LIN",
    "MAR",
    "MOR",
    "NOR",
    "OAR",
    "PEM",
    "QUI",
    "RID",
    "SOL",
    "TAM",
    "WES",
)
_FIRST_NAMES = (
    "Aaron",
    "Adrian",
    "Amos",
    "Andre",
    "Asher",
    "Barrett",
    "Blake",
    "Bryce",
    "Caleb",
    "Calvin",
    "Cedric",
    "Clay",
    "Cole",
    "Dalton",
    "Damon",
    "Darius",
    "Dexter",
    "Donovan",
    "Eli",
    "Emmett",
    "Ezra",
    "Felix",
    "Franklin",
    "Gavin",
    "Grant",
    "Griffin",
    "Harlan",
    "Hayes",
    "Hugo",
    "Ian",
    "Isaac",
    "Jalen",
    "Jarvis",
    "Jonah",
    "Julius",
    "Kellan",
    "Kendrick",
    "Lamont",
    "Leon",
    "Levi",
    "Lucas",
    "Malik",
    "Marcus",
    "Miles",
    "Nolan",
    "Omar",
    "Owen",
    "Percy",
    "Quentin",
    "Quincy",
    "Reggie",
    "Reid",
    "Roland",
    "Rufus",
    "Silas",
    "Spencer",
    "Tobias",
    "Trent",
    "Tyrell",
    "Ulysses",
    "Victor",
    "Wade",
    "Wendell",
    "Xavier",
    "Zane",
)
_SURNAME = (
    "Ab",
    "Al",
    "Bar",
    "Bel",
    "Bran",
    "Cal",
    "Car",
    "Cor",
    "Dal",
    "Del",
    "Dun",
    "El",
    "Fair",
    "Fen",
    "Gal",
    "Gren",
    "Hal",
    "Har",
    "Hol",
    "Ken",
    "Kir",
    "Lan",
    "Lor",
    "Mal",
    "Mer",
    "Nor",
    "Or",
    "Pel",
    "Quin",
    "Ran",
    "Ros",
    "Sal",
    "Sten",
    "Tal",
    "Thorn",
    "Tre",
    "Val",
    "Ver",
    "Wel",
    "Win",
    "Yar",
)
_SURNAME_END = (
    "bridge",
    "brook",
    "by",
    "combe",
    "cott",
    "dale",
    "den",
    "don",
    "ell",
    "er",
    "field",
    "ford",
    "gate",
    "ham",
    "hurst",
    "ier",
    "ingham",
    "ison",
    "ley",
    "low",
    "man",
    "mere",
    "mont",
    "more",
    "ner",
    "over",
    "ridge",
    "rick",
    "sby",
    "sen",
    "shaw",
    "son",
    "stead",
    "ston",
    "ter",
    "thorpe",
    "ton",
    "ville",
    "wald",
    "well",
    "wick",
    "worth",
)
_COLLEGES = (
    "Ashbourne State",
    "Black River",
    "Cape Linden",
    "Eastmoor",
    "Fairhaven Tech",
    "Great Plains A&M",
    "Harrow College",
    "Kingsport",
    "Lakeland",
    "Monument State",
    "North Prairie",
    "Pine Hills",
    "Redstone",
    "Southern Coast",
    "St. Alder",
    "Westmarch",
)
_NUMBERS = {  # jersey numbers of a position
    "QB": (1, 19),
    "RB": (20, 39),
    "WR": (80, 89),
    "TE": (40, 49),
    "OL": (60, 79),
    "DL": (90, 99),
    "LB": (50, 59),
    "DB": (20, 39),
}
_SIZE = {  # mean height in inches and weight in pounds
    "QB": (75, 222),
    "RB": (70, 214),
    "WR": (72, 200),
    "TE": (77, 252),
    "OL": (77, 314),
    "DL": (75, 290),
    "LB": (74, 240),
    "DB": (71, 198),
}


@dataclass(frozen=True)
class LeagueConfig:
    """What kind of league.

    Args:
        teams: How many teams, an even number from 2 to 32.
        weeks: Weeks of a season, 1 to 30; every team plays in each.
        seasons: How many seasons `make_league` makes, 1 to 100.
        first_season: Year of the first, 1950 to 2100.
        passer_spread: Factor on the differences between passers, 0 to 3; with 0 all are equal.
        unit_spread: Factor on the differences between teams' units, 0 to 3.
        home_edge: Added to every unit of the home side, in standard deviations, -1 to 1.
        injury_rate: Chance a week that a starter gets hurt and misses some (4 on average), 0 to 1.
        trade_rate: Chance before week 9, for each of teams / 2 pairs, that one sends the other its starter, 0 to 1.
        move_rate: Share of passers who change teams between two seasons, 0 to 1.
        skill_memory: Correlation of a passer's talent from one season to the next, 0 to 1.
        unit_memory: The same of a team's units, 0 to 1.
        playoff_share: Share of the teams of each half of the league that reach the play-offs, 0 to 1.
        clock_speed: Seconds that the clock runs down in one second, 1 to 10: a game of four quarters has about 75
            dropbacks at 1 and 13 at 6. Games side by side cost least, so a small season is made soonest of short games.

    Raises:
        ValueError: If a field is out of range, naming field, value and range.
    """

    teams: int = 32
    weeks: int = 17
    seasons: int = 1
    first_season: int = 2026
    passer_spread: float = 1.0
    unit_spread: float = 1.0
    home_edge: float = 0.15
    injury_rate: float = 0.025
    trade_rate: float = 0.05
    move_rate: float = 0.15
    skill_memory: float = 0.9
    unit_memory: float = 0.6
    playoff_share: float = 0.375
    clock_speed: float = 1.0

    def __post_init__(self):
        limits = {
            "teams": (2, 32),
            "weeks": (1, 30),
            "seasons": (1, 100),
            "first_season": (1950, 2100),
            "passer_spread": (0, 3),
            "unit_spread": (0, 3),
            "home_edge": (-1, 1),
            "clock_speed": (1, 10),
        }
        for field in fields(self):
            value, (low, high) = getattr(self, field.name), limits.get(field.name, (0, 1))
            whole = field.type == "int"
            number = isinstance(value, (int, np.integer) if whole else (int, float, np.integer, np.floating))
            even = field.name != "teams" or (number and value % 2 == 0)
            if isinstance(value, bool) or not number or not low <= value <= high or not even:
                kind = "an even integer" if field.name == "teams" else "an integer" if whole else "a number"
                raise ValueError(f"LeagueConfig.{field.name}={value!r}: expected {kind} from {low} to {high}.")


def make_season(
    config: LeagueConfig | None = None, *, seed: int, progress: Callable[[int], None] | None = None
) -> Season:
    """Make one season: tables, tracks, truth and skills.

    Args:
        config: What kind of league; by default 32 teams and 17 weeks, 272 games and about 20,800 dropbacks.
        seed: Integer of at least 0. The same seed and config give the same season.
        progress: Called now and then with the number of dropbacks played since the last call.

    Returns:
        The season.

    Raises:
        ValueError: If `seed` is no such integer, or the config asks for more than one season.
    """
    config = config or LeagueConfig()
    if config.seasons != 1:
        raise ValueError(f"config.seasons={config.seasons}: expected 1. For several, iterate over make_league.")
    return next(make_league(config, seed=seed, progress=progress))


def make_league(
    config: LeagueConfig | None = None, *, seed: int, progress: Callable[[int], None] | None = None
) -> Iterator[Season]:
    """Make season after season, each when it is asked for, so that memory holds no more than the reader keeps.

    Season k is the same whatever `config.seasons` says. Arguments as for `make_season`.
    """
    config = config or LeagueConfig()
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ValueError(f"seed={seed!r}: expected an integer of at least 0.")
    return _seasons(config, int(seed), progress)


def _seasons(config: LeagueConfig, seed: int, progress: Callable[[int], None] | None) -> Iterator[Season]:
    rng = np.random.default_rng([seed, 0])
    passers = _Passers(config, rng)
    units = _new_units(config, rng)
    rosters = _rosters(config, rng)
    for number in range(config.seasons):
        if number:
            passers.pass_a_year(config.first_season + number)
            memory = config.unit_memory
            fresh = _new_units(config, rng)
            units = {name: memory * units[name] + np.sqrt(1 - memory**2) * fresh[name] for name in units}
        streams = np.random.SeedSequence([seed, 1 + number]).spawn(3)
        yield _play_season(config, seed, number, passers.table(), units, rosters, streams, progress)


# ---- who


def _new_units(config: LeagueConfig, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Standard normal strengths of every team's units, correlated by CLUB, and its taste for passing."""
    club = rng.standard_normal(config.teams)
    units = {name: np.sqrt(CLUB) * club + np.sqrt(1 - CLUB) * rng.standard_normal(config.teams) for name in UNITS}
    return {**units, "pass_taste": rng.standard_normal(config.teams)}


class _Passers:
    """All passers of the league, two a team, through the years."""

    def __init__(self, config: LeagueConfig, rng: np.random.Generator):
        self.config, self.rng = config, rng
        self.count = 0
        n = 2 * config.teams
        self.people = self._rookies(n, config.first_season - WARM_UP)
        self.people["team"] = np.arange(n) % config.teams
        for year in range(config.first_season - WARM_UP + 1, config.first_season + 1):
            self.pass_a_year(year)

    def _rookies(self, n: int, year: int) -> dict[str, np.ndarray]:
        rng = self.rng
        self.count += n
        ages = rng.integers(ROOKIE_AGE[0], ROOKIE_AGE[1] + 1, n)
        return {
            "number": np.arange(self.count - n, self.count),
            "birth_year": year - ages,
            "birth_day": rng.integers(0, 365, n),
            "team": np.zeros(n, dtype=np.int64),
            **self._talents(n),
            "first": np.zeros(n, dtype=bool),
            "age": ages,
        }

    def _talents(self, n: int) -> dict[str, np.ndarray]:
        talents = {skill: self.rng.standard_normal(n) for skill in SKILLS}
        talents["depth"] = ARM * talents["accuracy"] + np.sqrt(1 - ARM**2) * talents["depth"]
        return talents

    def pass_a_year(self, year: int) -> None:
        """Talents wander, passers age, some retire or move, newcomers fill their places, teams name their starters."""
        rng, people, memory = self.rng, dict(self.people), self.config.skill_memory
        n = len(people["number"])
        for skill, fresh in self._talents(n).items():
            people[skill] = memory * people[skill] + np.sqrt(1 - memory**2) * fresh
        people["age"] = year - people["birth_year"]
        leaves = rng.random(n) < 1 / (1 + np.exp(-RETIREMENT_SLOPE * (people["age"] - RETIREMENT_AGE)))
        leaves |= ~people["first"] & (rng.random(n) < RELEASED)
        people = {name: values[~leaves] for name, values in people.items()}
        moves = np.flatnonzero(rng.random(len(people["team"])) < self.config.move_rate)
        people["team"][moves] = people["team"][rng.permutation(moves)]
        missing = 2 - np.bincount(people["team"], minlength=self.config.teams)
        rookies = self._rookies(int(missing.sum()), year)
        rookies["team"] = np.repeat(np.arange(self.config.teams), missing)
        people = {name: np.concatenate([values, rookies[name]]) for name, values in people.items()}
        believed = sum(self._skill(people, s) for s in ("accuracy", "decision"))
        believed = believed + SCOUTING_ERROR * rng.standard_normal(len(believed))
        best = np.full(self.config.teams, -np.inf)
        np.maximum.at(best, people["team"], believed)
        people["first"] = believed == best[people["team"]]
        self.people = people

    @staticmethod
    def _skill(people: Mapping[str, np.ndarray], skill: str) -> np.ndarray:
        age = people["age"]
        if skill == "mobility":
            return people[skill] + MOBILITY_A_YEAR * (age - PEAK)
        if skill == "depth":
            return people[skill]
        return people[skill] - ((age - PEAK) / DECLINE) ** 2

    def table(self) -> pd.DataFrame:
        """This season's passers, two a team, the starter first; over starters a skill has mean 0 and sd `SKILLS`."""
        people = pd.DataFrame(self.people)
        people = people.sort_values(["team", "first"], ascending=[True, False]).reset_index(drop=True)
        for skill in SKILLS:
            values = self._skill(people, skill)
            starters = values[people["first"]]
            spread = self.config.passer_spread * SKILLS[skill] / starters.std()
            people[skill] = (spread * (values - starters.mean())).clip(-MOST, MOST)
        return people


def _rosters(config: LeagueConfig, rng: np.random.Generator) -> pd.DataFrame:
    """Everybody but the passers: the same people in every season."""
    positions = [position for position, count in ROSTER.items() for _ in range(count)]
    team, slot = np.divmod(np.arange(config.teams * len(positions)), len(positions))
    table = pd.DataFrame({"team": team, "position": positions * config.teams, "slot": slot})
    table["player_id"] = FIRST_PLAYER + 100 * table["team"] + table["slot"]
    table["birth_year"] = config.first_season - rng.integers(22, 33, len(table))
    table["birth_day"] = rng.integers(0, 365, len(table))
    return table


def _players(passers: pd.DataFrame, rosters: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """The table of players, names and sizes by their player_id alone, so that a person stays who he is."""
    quarterbacks = passers.assign(position="QB", player_id=FIRST_PASSER + passers["number"])
    columns = ["player_id", "position", "team", "birth_year", "birth_day"]
    table = pd.concat([quarterbacks[columns], rosters[columns]], ignore_index=True).sort_values(
        ["team", "player_id"], ignore_index=True
    )
    rows = []
    for team, people in table.groupby("team"):
        free = set(range(1, 100))
        taken: set[str] = set()
        for person in people.itertuples():
            rng = np.random.default_rng([7919, person.player_id])
            name = _name(rng)
            while name in taken:
                name = _name(rng)
            taken.add(name)
            low, high = _NUMBERS[person.position]
            wanted = [n for n in range(low, high + 1) if n in free] or sorted(free)
            number = int(wanted[int(rng.integers(len(wanted)))])
            free.remove(number)
            height, weight = _SIZE[person.position]
            born = date(person.birth_year, 1, 1) + timedelta(days=int(person.birth_day))
            rows.append(
                (
                    person.player_id,
                    name,
                    person.position,
                    names[team],
                    number,
                    int(height + np.rint(rng.normal(0, 1.4))),
                    int(weight + np.rint(rng.normal(0, 9))),
                    born.isoformat(),
                    _COLLEGES[int(rng.integers(len(_COLLEGES)))],
                )
            )
    columns = ["player_id", "name", "position", "team", "jersey_number", "height", "weight", "birth_date", "college"]
    return pd.DataFrame(rows, columns=columns)


def _name(rng: np.random.Generator) -> str:
    first, start, end = (rng.integers(len(parts)) for parts in (_FIRST_NAMES, _SURNAME, _SURNAME_END))
    return f"{_FIRST_NAMES[first]} {_SURNAME[start]}{_SURNAME_END[end]}"


def _starters(config: LeagueConfig, first: np.ndarray, second: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Row of the passer who plays for each team in each week, (weeks, teams).

    A starter gets hurt with `injury_rate` a week and misses a geometric number of weeks. Before TRADE_WEEK teams meet
    in pairs at random; with `trade_rate` one sends its starter, who starts there too, for the other's backup.
    """
    first, second = first.copy(), second.copy()
    plays = np.empty((config.weeks, config.teams), dtype=np.int64)
    out: dict[int, int] = {}  # weeks that a passer still misses
    for week in range(1, config.weeks + 1):
        if week == TRADE_WEEK:
            for a, b in rng.permutation(config.teams).reshape(-1, 2):
                if rng.random() < config.trade_rate:
                    first[a], second[a], first[b], second[b] = second[a], second[b], first[a], first[b]
        hurt = rng.random(config.teams) < config.injury_rate
        weeks_out = rng.geometric(1 / WEEKS_OUT, config.teams)
        for team in range(config.teams):
            starter = int(first[team])
            if hurt[team] and out.get(starter, 0) == 0:
                out[starter] = int(weeks_out[team])
            plays[week - 1, team] = second[team] if out.get(starter, 0) else starter
        out = {passer: left - 1 for passer, left in out.items() if left > 1}
    return plays


# ---- when


def schedule(teams: int, weeks: int, rng: np.random.Generator) -> np.ndarray:
    """Who plays whom: (weeks, teams / 2, 2), home side first.

    A round robin by the circle method in random order: no pairing comes back before all others have been played. Home
    is who has been at home less often, by lot if both have equally often.
    """
    circle = rng.permutation(teams)
    rounds = np.empty((teams - 1, teams // 2, 2), dtype=np.int64)
    for k in range(teams - 1):
        line = np.concatenate([circle[:1], np.roll(circle[1:], k)])
        rounds[k] = np.column_stack([line[: teams // 2], line[teams // 2 :][::-1]])
    order = np.concatenate([rng.permutation(teams - 1) for _ in range(-(-weeks // (teams - 1)))])[:weeks]
    result = rounds[order]
    at_home = np.zeros(teams, dtype=np.int64)
    for week in result:
        for pair in week:
            a, b = pair
            if at_home[a] > at_home[b] or (at_home[a] == at_home[b] and rng.random() < 0.5):
                pair[:] = b, a
            at_home[pair[0]] += 1
    return result


def _calendar(season: int, week: int, games: int) -> tuple[list[str], list[str]]:
    """Date and kick-off time of a week's games: one on Thursday, the rest on Sunday, the last on Monday."""
    september = date(season, 9, 1)
    labour_day = september + timedelta(days=-september.weekday() % 7)
    sunday = labour_day + timedelta(days=6 + 7 * (week - 1))
    days, times = [sunday] * games, ["13:00:00"] * games
    for k in range(games - 6, games - 2):
        if k > 0:
            times[k] = "16:25:00"
    if games >= 4:
        days[0], times[0] = sunday - timedelta(days=3), "20:20:00"
        times[games - 2] = "20:20:00"
        days[games - 1], times[games - 1] = sunday + timedelta(days=1), "20:15:00"
    return [day.isoformat() for day in days], times


# ---- play


def _play_season(config, seed, number, passers, units, rosters, streams, progress) -> Season:
    season = config.first_season + number
    names = TEAM_NAMES[: config.teams]
    draw, on_field, chance = (np.random.default_rng(stream) for stream in streams)
    pairs = schedule(config.teams, config.weeks, draw)
    first, second = (np.flatnonzero(passers["first"].to_numpy() == flag) for flag in (True, False))
    starters = _starters(config, first, second, draw)

    week = np.repeat(np.arange(1, config.weeks + 1), config.teams // 2)
    pairs = pairs.reshape(-1, 2)  # (games, 2) teams
    home = config.home_edge * np.array([1.0, 0.0])
    strength = {name: config.unit_spread * UNITS[name] * units[name] for name in UNITS}
    sides = {name: np.clip(values, -MOST, MOST)[pairs] + home for name, values in strength.items()}
    for name, sd in FORM.items():
        sides[name] += config.unit_spread * sd * draw.standard_normal(pairs.shape)
    sides = {name: np.clip(values, -MOST_ON_A_DAY, MOST_ON_A_DAY) for name, values in sides.items()}
    taste = config.unit_spread * PASS_TASTE * units["pass_taste"]
    fixtures = game.Fixtures(sides["running"], sides["run_defence"], sides["kicking"], taste[pairs])
    passing = _Passing(sides, passers, starters[week[:, None] - 1, pairs], rosters, pairs, on_field, chance, progress)
    log = game.play_games(fixtures, passing, rng=draw, clock_speed=config.clock_speed)

    games = _games(season, week, pairs, log.score, names)
    plays, play_by_play, numbers = _plays(season, games, pairs, names, log, passing)
    truth = passing.truth(numbers, plays)
    table = pd.DataFrame({"season": season, "passer_id": FIRST_PASSER + passers["number"]})
    people = _players(passers, rosters, names)
    table["name"] = people.set_index("player_id")["name"].loc[table["passer_id"]].to_numpy()
    table["team"] = np.array(names)[passers["team"]]
    table["age"] = passers["age"].to_numpy()
    for skill in SKILLS:
        table[skill] = passers[skill].to_numpy()
    table["starts"] = np.bincount(starters.ravel(), minlength=len(passers))
    weeks, team = np.indices(starters.shape)
    return Season(
        season=season,
        config=config,
        seed=seed,
        plays=plays,
        truth=truth,
        play_by_play=play_by_play,
        games=games,
        standings=_standings(season, games, names, config.playoff_share, draw),
        players=people,
        passers=table,
        starters=pd.DataFrame(
            {
                "season": season,
                "week": weeks.ravel() + 1,
                "team": np.array(names)[team.ravel()],
                "passer_id": FIRST_PASSER + passers["number"].to_numpy()[starters.ravel()],
            }
        ),
        strengths=pd.DataFrame({"season": season, "team": names, **strength, "pass_taste": taste}),
        tracks=passing.tracks,
        numbers=numbers,
    )


class _Passing:
    """Plays dropbacks for `game.play_games`, and keeps their tracks and their truth."""

    def __init__(self, sides, passers, starters, rosters, pairs, on_field, chance, progress):
        self.sides, self.passers, self.starters = sides, passers, starters
        self.pairs, self.on_field, self.chance, self.progress = pairs, on_field, chance, progress
        # The first slot of each position in a team's roster; entities of one position take the following ones.
        slots = rosters[rosters["team"] == 0].groupby("position")["slot"].min()
        self.first_slot = np.array([slots.get(position, 0) for position in play.POSITIONS])
        self.tracks = TrackStore()
        self.kept: list[dict[str, np.ndarray]] = []

    def __call__(self, moment: game.Moment) -> game.Dropbacks:
        g, side = moment.game, moment.side
        passer = self.starters[g, side]
        skill = {name: self.passers[name].to_numpy()[passer] for name in SKILLS}
        offence = {name: self.sides[name][g, side] for name in ("receivers", "protection")}
        need = game.need(moment)
        rush, coverage = (self.sides[name][g, 1 - side] for name in ("rush", "coverage"))
        situation = play.Situation(
            yards_to_goal=moment.yards_to_goal,
            down=moment.down,
            yards_to_go=moment.yards_to_go,
            quarter=moment.quarter,
            clock=moment.clock,
            score_difference=moment.score_difference,
        )
        matchup = play.Matchup(
            passer_decision=skill["decision"],
            passer_depth=np.clip(skill["depth"] + DEEPER * need, -MOST, MOST),
            passer_mobility=skill["mobility"],
            **offence,
            rush=rush,
            coverage=np.clip(coverage + EXPECTED * need, -MOST_ON_A_DAY, MOST_ON_A_DAY),
        )
        tracks = play.simulate(situation, matchup, self.on_field)
        state = outcome.state_from_tracks(tracks, situation)
        shift = outcome.Skill(**{field.name: skill[field.name] for field in fields(outcome.Skill)})
        drawn = outcome.law(state, shift).draw(self.chance)
        players = self.player_ids(tracks.position, self.pairs[g, side], self.pairs[g, 1 - side], passer)
        self.tracks.add(tracks, players)
        target = np.where(tracks.target >= 0, players[np.arange(len(g)), tracks.target], 0)
        self.kept.append(
            {
                "passer_id": players[:, 0],
                "target_id": target,
                "play_direction": tracks.left,
                "snap_frame": tracks.snap + 1,
                "release_frame": tracks.release + 1,
                "play_action": tracks.play_action,
                "formation": tracks.formation,
                "offence_personnel": tracks.offence_personnel,
                "defence_personnel": tracks.defence_personnel,
                "coverage": tracks.coverage,
                "pass_rushers": tracks.pass_rushers,
                "first_pressure": tracks.first_pressure,
                "air_yards": np.where(
                    tracks.ended == outcome.THROWAWAY, np.rint(tracks.throwaway_air_yards), drawn.air_yards
                ),
                **{"state_" + field.name: getattr(state, field.name) for field in fields(state)},
                **{"skill_" + field.name: getattr(shift, field.name) for field in fields(shift)},
                **{"matchup_" + field.name: getattr(matchup, field.name) for field in fields(matchup)},
                **{"drawn_" + field.name: getattr(drawn, field.name) for field in fields(drawn)},
            }
        )
        if self.progress is not None:
            self.progress(len(g))
        air_yards = np.where(np.isnan(drawn.air_yards), 0.0, drawn.air_yards)
        return game.Dropbacks(drawn.outcome, drawn.yards_gained, air_yards, drawn.return_yards)

    def player_ids(self, position, offence, defence, passer) -> np.ndarray:
        """Who the 23 entities are: the k-th of a position on the field is the k-th on his team's roster."""
        ids = np.zeros(position.shape, dtype=np.int64)
        for team, entities in ((offence, slice(1, 11)), (defence, slice(11, 22))):
            codes = position[:, entities]
            earlier = np.tril(codes[:, :, None] == codes[:, None, :], -1).sum(axis=2)
            ids[:, entities] = FIRST_PLAYER + 100 * team[:, None] + self.first_slot[codes] + earlier
        ids[:, 0] = FIRST_PASSER + self.passers["number"].to_numpy()[passer]
        return ids

    def column(self, name: str) -> np.ndarray:
        """One kept column of all dropbacks, in the order they were played."""
        return np.concatenate([kept[name] for kept in self.kept])

    def truth(self, numbers: np.ndarray, plays: pd.DataFrame) -> pd.DataFrame:
        """The table of truth, rows as in `plays`."""
        columns = {"passer_id": self.column("passer_id")[numbers]}
        for name in self.kept[0]:
            if name.startswith(("state_", "skill_", "matchup_", "drawn_")) or name == "first_pressure":
                columns[name.removeprefix("state_")] = self.column(name)[numbers]
        return pd.concat([plays[["game_id", "play_id"]], pd.DataFrame(columns)], axis=1)


def _games(season, week, pairs, score, names) -> pd.DataFrame:
    rows = []
    for number in np.unique(week):
        here = week == number
        dates, times = _calendar(season, int(number), int(here.sum()))
        rows += [(int(day.replace("-", "")) * 100 + k, day, time) for k, (day, time) in enumerate(zip(dates, times))]
    game_id, days, times = zip(*rows)
    margin = score[:, 0] - score[:, 1]
    home, away = (np.array(names)[pairs[:, side]] for side in (0, 1))
    return pd.DataFrame(
        {
            "game_id": np.array(game_id, dtype=np.int64),
            "season": season,
            "week": week,
            "date": days,
            "time": times,
            "home_team": home,
            "away_team": away,
            "home_points": score[:, 0],
            "away_points": score[:, 1],
            "winner": np.where(margin > 0, home, np.where(margin < 0, away, "")),
            "margin": margin,
            "playoff": False,
        }
    )


def _plays(season, games, pairs, names, log, passing) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """The tables of dropbacks and of all plays, and the number of each dropback in the order of play."""
    moment, team = log.moment, np.array(names)
    g = moment.game
    count = np.bincount(g, minlength=len(games))
    play_id = np.arange(len(g)) - np.repeat(np.cumsum(count) - count, count) + 1
    scored = log.points_offence - log.points_defence
    gained = np.column_stack([log.points_offence, log.points_defence])
    gained = np.where(moment.side[:, None] == 0, gained, gained[:, ::-1])  # home, away
    total = np.cumsum(gained, axis=0) - gained
    starts = np.cumsum(count) - count
    before = total - total[np.repeat(starts, count)]
    rows = np.arange(len(g))
    labels = np.array([*game.OUTCOMES, ""])
    play_by_play = pd.DataFrame(
        {
            "season": season,
            "week": games["week"].to_numpy()[g],
            "game_id": games["game_id"].to_numpy()[g],
            "play_id": play_id,
            "drive": moment.drive,
            "quarter": moment.quarter,
            "clock": moment.clock,
            "offence_team": team[pairs[g, moment.side]],
            "defence_team": team[pairs[g, 1 - moment.side]],
            "kind": np.array(game.KINDS)[log.kind],
            "down": moment.down,
            "yards_to_go": moment.yards_to_go,
            "yards_to_goal": moment.yards_to_goal,
            "score_difference": moment.score_difference,
            "offence_points": before[rows, moment.side],
            "defence_points": before[rows, 1 - moment.side],
            "outcome": labels[log.outcome],
            "yards": log.yards,
            "turnover": log.turnover,
            "points": scored,
        }
    )
    dropbacks = np.flatnonzero(log.dropback >= 0)
    numbers = log.dropback[dropbacks]
    base = play_by_play.iloc[dropbacks].reset_index(drop=True)

    def kept(name: str) -> np.ndarray:
        return passing.column(name)[numbers]

    def label(name: str, words: tuple[str, ...]) -> np.ndarray:
        return np.array(words, dtype=object)[kept(name)]

    plays = pd.DataFrame(
        {
            "game_id": base["game_id"],
            "play_id": base["play_id"],
            "season": season,
            "week": base["week"],
            "offence_team": base["offence_team"],
            "defence_team": base["defence_team"],
            "quarter": base["quarter"],
            "clock": base["clock"],
            "down": base["down"],
            "yards_to_go": base["yards_to_go"],
            "line_of_scrimmage": FOOTBALL.goal_line - base["yards_to_goal"].astype(float),
            "yards_to_goal": base["yards_to_goal"],
            "score_difference": base["score_difference"],
            "play_direction": pd.Categorical.from_codes(
                kept("play_direction").astype(np.int8), categories=["right", "left"]
            ),
            "passer_id": kept("passer_id"),
            "target_id": kept("target_id"),
            "snap_frame": kept("snap_frame"),
            "release_frame": kept("release_frame"),
            "outcome": pd.Categorical.from_codes(log.outcome[dropbacks], categories=game.OUTCOMES),
            "yards_gained": kept("drawn_yards_gained").astype(np.int64),
            "touchdown": kept("drawn_touchdown").astype(bool),
            "air_yards": kept("air_yards"),
            "return_yards": kept("drawn_return_yards").astype(np.int64),
            "play_action": kept("play_action").astype(bool),
            "formation": label("formation", play.FORMATIONS),
            "offence_personnel": label("offence_personnel", play.OFFENCE_PERSONNEL),
            "defence_personnel": label("defence_personnel", play.DEFENCE_PERSONNEL),
            "coverage": label("coverage", play.COVERAGES),
            "pass_rushers": kept("pass_rushers").astype(np.int64),
        }
    )
    return plays, play_by_play, numbers


def _standings(season, games, names, playoff_share, rng) -> pd.DataFrame:
    """One row a team; places within a conference (every other team) by share of wins, then points, then lot."""
    column = {
        name: games[name].to_numpy() for name in ("home_team", "away_team", "margin", "home_points", "away_points")
    }
    rows = []
    for team in names:
        home, away = column["home_team"] == team, column["away_team"] == team
        margin = np.concatenate([column["margin"][home], -column["margin"][away]])
        own = column["home_points"][home].sum() + column["away_points"][away].sum()
        rows.append((team, (margin > 0).sum(), (margin < 0).sum(), (margin == 0).sum(), own, own - margin.sum()))
    table = pd.DataFrame(rows, columns=["team", "wins", "losses", "ties", "points_for", "points_against"])
    table.insert(0, "season", season)
    table.insert(2, "conference", np.arange(len(names)) % 2 + 1)
    table["win_share"] = (table["wins"] + table["ties"] / 2) / (table["wins"] + table["losses"] + table["ties"])
    table["lot"] = rng.random(len(table))
    table["points"] = table["points_for"] - table["points_against"]
    order = table.sort_values(["win_share", "points", "lot"], ascending=False)
    table["place"] = order.groupby("conference").cumcount() + 1
    places = round(playoff_share * len(names) / 2)
    table["playoffs"] = table["place"] <= places
    return table.drop(columns=["lot", "points"])
