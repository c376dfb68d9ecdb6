"""The rows of a season in the layouts of the NFL Big Data Bowl of 2023 and of 2025.

The originals are on Kaggle, behind an account and the contest's rules; neither they nor anything of them is here. What
follows comes from public descriptions and public code that reads them. Reproduced are file names, columns and their
order, units and conventions:

| | 2023 | 2025 |
|---|---|---|
| files | games, plays, players, pffScoutingData, week1 ... | games, plays, players, player_play, tracking_week_1 ... |
| columns of tracking | 16 | 18: also displayName and frameType, club instead of team |
| time (UTC) | 2021-09-10T00:26:31.100 | 2022-09-13 00:16:03.5 |
| date of a game | 09/09/2021 | 9/8/2022 |
| no event | None | NA |
| who threw, who was thrown to | pff_role Pass; the play text | hadDropback; wasTargettedReceiver |
| who rushed | pff_role Pass Rush | wasInitialPassRusher |
| personnel | personnelO, personnelD | only the positions of the players |

In both: x from 0 to 120 along the field and y from 0 to 53.3 across it, yards, the same for plays to either side;
`playDirection` says which way the offence goes; `absoluteYardlineNumber` is the x of the line of scrimmage; s in
yards/s, a in yards/s², dis in yards since the previous row; o and dir in degrees clockwise from +y; 10 frames a second;
the ball has nflId and jerseyNumber NA, team "football" and no angles; a missing entry is NA; heights read 6-4, clocks
03:07; passResult is C, I, IN, S or R; rows are ordered by game, play, player (the ball last) and frame.

Left out, and NA: what only its makers' models or eyes know (win probability, expected points, hits, hurries, blocks,
routes, coverage of each man, play clock, tipped passes, where a pass would have been caught across the field).
Penalties: the league has them, but as plays of their own. Runs, kneels and kicks: only dropbacks have tracks. Frames
before the huddle breaks: a play starts five frames before the snap, as in 2023, and ends five after the release.

Credited here, from the tracks, because the season does not say: tackles, sacks and interceptions go to the defender who
is nearest to the ball carrier in the last frame (nearest to the passer for a sack); the rushers are those nearest to
the passer 1.5 s after the snap (or at the release, if sooner), as many as the season says rushed; where players lined
up follows from their order across the field.

Faults of the sensors, which the reader must repair (`QUIRKS`): rows of one player are missing for up to three frames;
all rows of a frame come twice; the annotator's tag of the snap or the pass is missing and only the machine's is there
(autoevent_ballsnap, autoevent_passforward), or both are there, a frame apart. Rows never go missing in the frame of the
snap or of the release, nor at either end of a play. The 309 highlight plays of the league that we could count have
repeated rows between snap and release in 1.3 %; the other shares are guesses.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa

from data_synth.play_text import Told, short_name, tell
from qbsbp.schema import EVENTS, FOOTBALL

__all__ = ["LAYOUTS", "QUIRKS", "Layout", "Week", "Writer"]


@dataclass(frozen=True)
class Layout:
    """File names and columns of one year's contest."""

    tracking_name: str
    scouting_name: str
    games: tuple[str, ...]
    plays: tuple[str, ...]
    players: tuple[str, ...]
    scouting: tuple[str, ...]
    tracking: tuple[str, ...]


def _columns(text: str) -> tuple[str, ...]:
    return tuple(text.split())


LAYOUTS = {
    "big_data_bowl_2023": Layout(
        tracking_name="week{week}.csv",
        scouting_name="pffScoutingData.csv",
        games=_columns("gameId season week gameDate gameTimeEastern homeTeamAbbr visitorTeamAbbr"),
        plays=_columns(
            "gameId playId playDescription quarter down yardsToGo possessionTeam defensiveTeam yardlineSide "
            "yardlineNumber gameClock preSnapHomeScore preSnapVisitorScore passResult penaltyYards "
            "prePenaltyPlayResult playResult foulName1 foulNFLId1 foulName2 foulNFLId2 foulName3 foulNFLId3 "
            "absoluteYardlineNumber offenseFormation personnelO defendersInBox personnelD dropBackType "
            "pff_playAction pff_passCoverage pff_passCoverageType"
        ),
        players=_columns("nflId height weight birthDate collegeName officialPosition displayName"),
        scouting=_columns(
            "gameId playId nflId pff_role pff_positionLinedUp pff_hit pff_hurry pff_sack pff_beatenByDefender "
            "pff_hitAllowed pff_hurryAllowed pff_sackAllowed pff_nflIdBlockedPlayer pff_blockType pff_backFieldBlock"
        ),
        tracking=_columns(
            "gameId playId nflId frameId time jerseyNumber team playDirection x y s a dis o dir event",
        ),
    ),
    "big_data_bowl_2025": Layout(
        tracking_name="tracking_week_{week}.csv",
        scouting_name="player_play.csv",
        games=_columns(
            "gameId season week gameDate gameTimeEastern homeTeamAbbr visitorTeamAbbr homeFinalScore visitorFinalScore"
        ),
        plays=_columns(
            "gameId playId playDescription quarter down yardsToGo possessionTeam defensiveTeam yardlineSide "
            "yardlineNumber gameClock preSnapHomeScore preSnapVisitorScore playNullifiedByPenalty "
            "absoluteYardlineNumber preSnapHomeTeamWinProbability preSnapVisitorTeamWinProbability expectedPoints "
            "offenseFormation receiverAlignment playClockAtSnap passResult passLength targetX targetY playAction "
            "dropbackType dropbackDistance passLocationType timeToThrow timeInTackleBox timeToSack passTippedAtLine "
            "unblockedPressure qbSpike qbKneel qbSneak rushLocationType penaltyYards prePenaltyYardsGained "
            "yardsGained homeTeamWinProbabilityAdded visitorTeamWinProbilityAdded expectedPointsAdded isDropback "
            "pff_runConceptPrimary pff_runConceptSecondary pff_runPassOption pff_passCoverage pff_manZone"
        ),
        players=_columns("nflId height weight birthDate collegeName position displayName"),
        scouting=_columns(
            "gameId playId nflId teamAbbr hadRushAttempt rushingYards hadDropback passingYards sackYardsAsOffense "
            "hadPassReception receivingYards wasTargettedReceiver yardageGainedAfterTheCatch fumbles fumbleLost "
            "fumbleOutOfBounds assistedTackle forcedFumbleAsDefense halfSackYardsAsDefense passDefensed "
            "quarterbackHit sackYardsAsDefense safetyAsDefense soloTackle tackleAssist tackleForALoss "
            "tackleForALossYardage hadInterception interceptionYards fumbleRecoveries fumbleRecoveryYards "
            "penaltyYards penaltyNames wasInitialPassRusher causedPressure timeToPressureAsPassRusher "
            "getOffTimeAsPassRusher inMotionAtBallSnap shiftSinceLineset motionSinceLineset wasRunningRoute routeRan "
            "blockedPlayerNFLId1 blockedPlayerNFLId2 blockedPlayerNFLId3 pressureAllowedAsBlocker "
            "timeToPressureAllowedAsBlocker pff_defensiveCoverageAssignment pff_primaryDefensiveCoverageMatchupNflId "
            "pff_secondaryDefensiveCoverageMatchupNflId"
        ),
        tracking=_columns(
            "gameId playId nflId displayName frameId frameType time jerseyNumber club playDirection x y s a dis o dir "
            "event",
        ),
    ),
}

QUIRKS = {
    "rows_missing": 0.02,  # of plays: one player's rows, one to three frames
    "frame_repeated": 0.013,  # of plays: all rows of one frame
    "autoevent_alone": 0.02,  # of plays, for the snap and for the pass: the machine's tag in place of the annotator's
    "autoevent_beside": 0.05,  # likewise: the machine's tag a frame before or after the annotator's
}
"""How often each fault of the sensors comes, a share of plays."""

RESULTS = {"complete": "C", "incomplete": "I", "interception": "IN", "sack": "S", "scramble": "R"}
NEVER = _columns(
    "fumbles fumbleLost fumbleOutOfBounds assistedTackle forcedFumbleAsDefense halfSackYardsAsDefense safetyAsDefense "
    "tackleAssist fumbleRecoveries fumbleRecoveryYards penaltyYards"
)
"""Counts of player_play.csv that stay 0."""

MAN = ("Cover-0", "Cover-1", "Cover-1 Double", "2-Man")
PASSER, LINE, DEFENCE = 0, "OL", ("DL", "LB", "DB")
RUSH_FRAMES = 15  # after the snap, when the rushers are told from the rest
AUTO = {"ball_snap": "autoevent_ballsnap", "pass_forward": "autoevent_passforward"}
TAGS = (*EVENTS, *AUTO.values())
CHUNK = 250_000  # rows written at a time
LOW, HIGH = -3_000, 36_000  # hundredths that a tracking file may hold
OFFENSIVE_LINE = ("T", "G", "C", "G", "T")
DETAILS = {"OL": OFFENSIVE_LINE, "DL": ("DE", "DT", "NT"), "LB": ("OLB", "ILB", "MLB"), "DB": ("CB", "FS", "SS")}
"""Positions within a group, dealt out to a team's players in turn by their number."""


@dataclass(frozen=True)
class Week:
    """Rows of one week: of plays.csv, of the scouting file, and the tracking file in pieces."""

    plays: pd.DataFrame
    scouting: pa.Table
    _writer: Writer
    _tracks: _Tracks

    def tracking(self) -> Iterator[pa.Table]:
        """Rows of the tracking file, in order."""
        return self._writer._tracking_rows(self._tracks)


class Writer:
    """Makes the rows of each file from a season; reads one week of frames at a time."""

    def __init__(self, season, layout: str):
        self.season, self.layout, self.recent = season, LAYOUTS[layout], layout == "big_data_bowl_2025"
        self._roster = season.players.set_index("player_id").sort_index()
        self._kickoff = _kickoffs(season.games)
        self._home = season.games.set_index("game_id")["home_team"]
        self._scores = season.play_by_play.set_index(["game_id", "play_id"])[["offence_points", "defence_points"]]

    def games(self) -> pd.DataFrame:
        """Rows of games.csv."""
        games = self.season.games
        days = [date.fromisoformat(day) for day in games["date"]]
        columns = {
            "gameId": games["game_id"],
            "season": games["season"],
            "week": games["week"],
            "gameDate": [f"{d.month}/{d.day}/{d.year}" if self.recent else d.strftime("%m/%d/%Y") for d in days],
            "gameTimeEastern": games["time"],
            "homeTeamAbbr": games["home_team"],
            "visitorTeamAbbr": games["away_team"],
            "homeFinalScore": games["home_points"],
            "visitorFinalScore": games["away_points"],
        }
        return pd.DataFrame({name: columns[name] for name in self.layout.games})

    def players(self) -> pd.DataFrame:
        """Rows of players.csv."""
        roster = self._roster.reset_index()
        position = roster["position"].to_numpy(dtype=object)
        turn = roster.groupby(["team", "position"]).cumcount().to_numpy()
        for group, details in DETAILS.items():
            position = np.where(position == group, np.array(details, dtype=object)[turn % len(details)], position)
        return pd.DataFrame(
            {
                "nflId": roster["player_id"],
                "height": [f"{inches // 12}-{inches % 12}" for inches in roster["height"]],
                "weight": roster["weight"],
                "birthDate": roster["birth_date"],
                "collegeName": roster["college"],
                "officialPosition": position,
                "position": position,
                "displayName": roster["name"],
            }
        )[list(self.layout.players)]

    def week(self, week: int) -> Week:
        """All rows of one week."""
        plays = self.season.plays
        plays = plays[plays["week"] == week].sort_values(["game_id", "play_id"], ignore_index=True)
        whole = plays["clock"].to_numpy(dtype=float)
        if (whole != np.round(whole)).any():
            raise ValueError(
                f"season.plays, column 'clock', value {float(whole[whole != np.round(whole)][0])}: expected whole "
                f"seconds, since these files have no fractions. Round it, or write layout='parquet'."
            )
        tracks = _Tracks.of(plays, self.season.week_frames(week))
        strangers = np.setdiff1d(tracks.ids[:, 1:], self._roster.index)
        if len(strangers):
            raise ValueError(
                f"season.players: expected every player of the frames, and player_id {strangers[0]} is missing. "
                f"Add him."
            )
        seen = _Seen.of(plays, tracks)
        return Week(
            plays=self._play_rows(plays, tracks, seen),
            scouting=_text_table((self._player_plays if self.recent else self._pff)(plays, tracks, seen), self.layout),
            _writer=self,
            _tracks=tracks,
        )

    # --- plays ----------------------------------------------------------------------------------------------------

    def _play_rows(self, plays: pd.DataFrame, tracks: _Tracks, seen: _Seen) -> pd.DataFrame:
        scores = self._scores.loc[pd.MultiIndex.from_frame(plays[["game_id", "play_id"]])].to_numpy()
        at_home = self._home.loc[plays["game_id"]].to_numpy() == plays["offence_team"].to_numpy()
        to_goal = plays["yards_to_goal"].to_numpy()
        line = np.where(to_goal > 50, 100 - to_goal, to_goal)
        side = np.where(to_goal > 50, plays["offence_team"].to_numpy(), plays["defence_team"].to_numpy()).astype(object)
        side[to_goal == 50] = None
        clock = plays["clock"].to_numpy().astype(int)
        thrown = plays["outcome"].isin(["complete", "incomplete", "interception"]).to_numpy()
        seconds = (plays["release_frame"] - plays["snap_frame"]).to_numpy() / FOOTBALL.frames_per_second
        sacked, ran = (plays["outcome"] == "sack").to_numpy(), (plays["outcome"] == "scramble").to_numpy()
        drop = np.where(ran, "SCRAMBLE", "TRADITIONAL")
        man = plays["coverage"].isin(MAN).to_numpy()
        columns = {
            "gameId": plays["game_id"],
            "playId": plays["play_id"],
            "playDescription": self._texts(plays, tracks, seen),
            "quarter": plays["quarter"],
            "down": plays["down"],
            "yardsToGo": plays["yards_to_go"],
            "possessionTeam": plays["offence_team"],
            "defensiveTeam": plays["defence_team"],
            "yardlineSide": side,
            "yardlineNumber": line,
            "gameClock": [f"{second // 60:02d}:{second % 60:02d}" for second in clock],
            "preSnapHomeScore": np.where(at_home, scores[:, 0], scores[:, 1]),
            "preSnapVisitorScore": np.where(at_home, scores[:, 1], scores[:, 0]),
            "passResult": plays["outcome"].astype(object).map(RESULTS),
            "prePenaltyPlayResult": plays["yards_gained"],
            "playResult": plays["yards_gained"],
            "absoluteYardlineNumber": np.where(tracks.left, 10 + to_goal, 110 - to_goal),
            "offenseFormation": plays["formation"],
            "personnelO": plays["offence_personnel"],
            "defendersInBox": seen.in_box,
            "personnelD": plays["defence_personnel"],
            "dropBackType": drop,
            "pff_playAction": plays["play_action"].astype(int),
            "pff_passCoverage": plays["coverage"],
            "pff_passCoverageType": np.where(man, "Man", "Zone"),
            "playNullifiedByPenalty": "N",
            "receiverAlignment": seen.alignment,
            "passLength": plays["air_yards"].where(thrown).round().astype("Int64"),
            "playAction": np.where(plays["play_action"], "TRUE", "FALSE"),
            "dropbackType": drop,
            "dropbackDistance": np.round(plays["line_of_scrimmage"].to_numpy() - seen.passer_release.real, 2),
            "passLocationType": np.where(thrown, seen.location, None),
            "timeToThrow": np.where(thrown, seconds, np.nan),
            "timeToSack": np.where(sacked, seconds, np.nan),
            "qbSpike": "FALSE",
            "qbKneel": 0,
            "prePenaltyYardsGained": plays["yards_gained"],
            "yardsGained": plays["yards_gained"],
            "isDropback": "TRUE",
            "pff_runPassOption": 0,
            "pff_manZone": np.where(man, "Man", "Zone"),
        }
        rows = {name: columns.get(name, np.full(len(plays), None, dtype=object)) for name in self.layout.plays}
        return pd.DataFrame(rows, index=plays.index)

    def _texts(self, plays: pd.DataFrame, tracks: _Tracks, seen: _Seen) -> list[str]:
        names = self._roster["name"]
        players = names.reindex(tracks.ids[:, 1:].ravel()).to_numpy().reshape(-1, FOOTBALL.entities - 1)
        texts = []
        for row, play in enumerate(plays.itertuples(index=False)):
            attack = tracks.offence[row]
            own, others = players[row][attack], players[row][~attack]
            ids, theirs = tracks.ids[row, 1:][attack], tracks.ids[row, 1:][~attack]

            def called(player: int, ids=ids, own=own, theirs=theirs, others=others) -> str:
                team, of = (own, ids) if player in ids else (others, theirs)
                return short_name(team[of == player][0], team[of != player])

            told = Told(
                clock=play.clock,
                formation=play.formation,
                offence_team=play.offence_team,
                defence_team=play.defence_team,
                yards_to_goal=play.yards_to_goal,
                outcome=play.outcome,
                yards_gained=play.yards_gained,
                touchdown=play.touchdown,
                air_yards=0.0 if play.air_yards is None or np.isnan(play.air_yards) else play.air_yards,
                return_yards=play.return_yards,
                place=seen.place[row],
                passer=called(play.passer_id),
                target=called(play.target_id) if play.target_id else "",
                defender=called(seen.defender[row]),
            )
            texts.append(tell(told))
        return texts

    # --- players in plays -----------------------------------------------------------------------------------------

    def _pff(self, plays: pd.DataFrame, tracks: _Tracks, seen: _Seen) -> dict[str, np.ndarray]:
        """Columns of pffScoutingData.csv, arrays (plays, 22); what is not here is NA."""
        group, ids = tracks.position[:, 1:], tracks.ids[:, 1:]
        attack = tracks.offence
        passer = ids == plays["passer_id"].to_numpy()[:, None]
        role = np.where(attack, "Pass Route", np.where(seen.rushers, "Pass Rush", "Coverage")).astype(object)
        role[attack & (group == LINE)] = "Pass Block"
        role[passer] = "Pass"
        sacked = (plays["outcome"] == "sack").to_numpy()[:, None] & (ids == seen.defender[:, None])
        return {
            "pff_role": role,
            "pff_positionLinedUp": _lined_up(tracks, passer),
            "pff_sack": np.where(attack, None, sacked.astype(int).astype(object)),
            **_keys(plays, ids),
        }

    def _player_plays(self, plays: pd.DataFrame, tracks: _Tracks, seen: _Seen) -> dict[str, np.ndarray]:
        """Columns of player_play.csv, arrays (plays, 22); what is not here is NA."""
        ids, attack = tracks.ids[:, 1:], tracks.offence
        outcome, gained = plays["outcome"].to_numpy(dtype=object)[:, None], plays["yards_gained"].to_numpy()[:, None]
        air = plays["air_yards"].round().fillna(0).to_numpy().astype(int)[:, None]
        passer = ids == plays["passer_id"].to_numpy()[:, None]
        target = ids == plays["target_id"].to_numpy()[:, None]
        credit = ids == seen.defender[:, None]
        touchdown = plays["touchdown"].to_numpy()[:, None]
        caught, sack, ran = target & (outcome == "complete"), outcome == "sack", outcome == "scramble"
        picked = credit & (outcome == "interception")
        tackled = credit & (sack | ((ran | (outcome == "complete")) & ~touchdown))
        route = attack & np.isin(tracks.position[:, 1:], ["RB", "WR", "TE"])
        counts = {
            "hadRushAttempt": passer & ran,
            "rushingYards": np.where(passer & ran, gained, 0),
            "hadDropback": passer,
            "passingYards": np.where(passer & (outcome == "complete"), gained, 0),
            "sackYardsAsOffense": np.where(passer & sack, gained, 0),
            "hadPassReception": caught,
            "receivingYards": np.where(caught, gained, 0),
            "wasTargettedReceiver": target,
            "yardageGainedAfterTheCatch": np.where(caught, gained - air, 0),
            "sackYardsAsDefense": np.where(credit & sack, gained, 0),
            "soloTackle": tackled,
            "tackleForALoss": tackled & (gained < 0),
            "tackleForALossYardage": np.where(tackled & (gained < 0), -gained, 0),
            "hadInterception": picked,
            "interceptionYards": np.where(picked, plays["return_yards"].to_numpy()[:, None], 0),
            **dict.fromkeys(NEVER, np.zeros(ids.shape, dtype=int)),
        }
        clubs = plays[["offence_team", "defence_team"]].to_numpy(dtype=object)
        return {
            "teamAbbr": np.where(attack, clubs[:, :1], clubs[:, 1:]),
            **{name: np.asarray(values, dtype=int) for name, values in counts.items()},
            "wasInitialPassRusher": np.where(attack, None, seen.rushers.astype(int).astype(object)),
            "wasRunningRoute": np.where(route, 1, None),
            **_keys(plays, ids),
        }

    # --- tracking -------------------------------------------------------------------------------------------------

    def _tracking_rows(self, tracks: _Tracks) -> Iterator[pa.Table]:
        rng = np.random.default_rng([self.season.seed, int(self.season.season), tracks.week, 20230910])
        tags = tracks.event.copy()
        _disturb_tags(tags, tracks, rng)
        rows = _disturb_rows(tracks.file_order(), tracks, rng)
        texts = self._texts_of(tracks, tags)
        players = FOOTBALL.entities
        for start in range(0, len(rows), CHUNK):
            row = rows[start : start + CHUNK]
            frame, entity = row // players, row % players
            play = tracks.play[frame]
            index = {"play": play, "player": play * players + entity, "frame": frame}
            columns = {name: values.take(pa.array(index[of])) for name, (of, values) in texts.items()}
            for name, values in tracks.hundredths(row).items():
                columns[name] = _decimals().take(pa.array(values))
            yield pa.table({name: columns[name] for name in self.layout.tracking})

    def _texts_of(self, tracks: _Tracks, tags: np.ndarray) -> dict[str, tuple[str, pa.Array]]:
        """The columns that repeat: whether one entry serves a play, a player in a play or a frame; and the entries."""
        number = self._roster["jersey_number"].reindex(tracks.ids[:, 1:].ravel())
        name = self._roster["name"].reindex(tracks.ids[:, 1:].ravel())
        shape = (len(tracks.ids), FOOTBALL.entities - 1)
        ids, numbers, names, clubs = (np.full(tracks.ids.shape, "NA", dtype=object) for _ in range(4))
        ids[:, 1:] = tracks.ids[:, 1:].astype(str)
        numbers[:, 1:] = number.to_numpy().astype(int).astype(str).reshape(shape)
        names[:, 0], names[:, 1:] = "football", name.to_numpy(dtype=object).reshape(shape)
        clubs[:, 0] = "football"
        clubs[:, 1:] = np.where(tracks.offence, tracks.clubs[:, :1], tracks.clubs[:, 1:])
        kinds = np.array(["BEFORE_SNAP", "SNAP", "AFTER_SNAP"], dtype=object)
        missing = "NA" if self.recent else "None"
        events = np.array([missing if tag == "none" else tag for tag in TAGS], dtype=object)
        return {
            "gameId": ("play", _strings(tracks.game_id.astype(str))),
            "playId": ("play", _strings(tracks.play_id.astype(str))),
            "playDirection": ("play", _strings(np.where(tracks.left, "left", "right"))),
            "nflId": ("player", _strings(ids.ravel())),
            "jerseyNumber": ("player", _strings(numbers.ravel())),
            "displayName": ("player", _strings(names.ravel())),
            "team": ("player", _strings(clubs.ravel())),
            "club": ("player", _strings(clubs.ravel())),
            "frameId": ("frame", _strings((tracks.frame + 1).astype(str))),
            "frameType": ("frame", _strings(kinds[1 + np.sign(tracks.frame - tracks.snap[tracks.play])])),
            "time": ("frame", _strings(self._times(tracks))),
            "event": ("frame", _strings(events[tags])),
        }

    def _times(self, tracks: _Tracks) -> np.ndarray:
        """Time of each frame: three hours of play, 13 minutes between the halves, a second between plays at least."""
        start = self._kickoff.loc[tracks.game_id].to_numpy().astype("datetime64[ms]")
        played = 900.0 * (tracks.quarter - 1) + 900.0 - tracks.clock
        opens = np.append(True, tracks.game_id[1:] != tracks.game_id[:-1])
        first = np.maximum.accumulate(np.where(opens, np.arange(len(opens)), 0))
        seconds = 3.0 * played + 780.0 * (tracks.quarter > 2) + (np.arange(len(opens)) - first)
        tenths = np.round(10 * seconds).astype("int64")[tracks.play] + tracks.frame
        text = np.datetime_as_string(start[tracks.play] + (100 * tenths).astype("timedelta64[ms]"), unit="ms")
        if not self.recent:
            return text
        return np.array([t[:-4] if t.endswith(".000") else t[:-2] for t in np.char.replace(text, "T", " ")])


@dataclass(frozen=True)
class _Tracks:
    """One week of frames as arrays: P plays, F frames of all plays, 23 rows a frame, the ball first.

    `play`, `frame` (from 0) and `event` are (F,); `ids` and `position` (P, 23); `offence` (P, 22), the ball left out;
    `values` (F, 23, 6) as recorded in the file: x, y, speed, acceleration, direction, orientation.
    """

    week: int
    game_id: np.ndarray
    play_id: np.ndarray
    quarter: np.ndarray
    clock: np.ndarray
    clubs: np.ndarray
    left: np.ndarray
    snap: np.ndarray
    release: np.ndarray
    outcome: np.ndarray
    start: np.ndarray
    length: np.ndarray
    play: np.ndarray
    frame: np.ndarray
    event: np.ndarray
    ids: np.ndarray
    position: np.ndarray
    offence: np.ndarray
    values: np.ndarray

    @classmethod
    def of(cls, plays: pd.DataFrame, frames: pd.DataFrame) -> _Tracks:
        """From the tables of one week, which `qbsbp.schema.check` accepts."""
        rows = FOOTBALL.entities
        head = frames.iloc[::rows]
        keys = head[["game_id", "play_id"]].to_numpy()
        opens = np.append(True, (keys[1:] != keys[:-1]).any(axis=1))
        start = np.flatnonzero(opens)
        if not np.array_equal(keys[start], plays[["game_id", "play_id"]].to_numpy()):
            raise ValueError(
                f"season.week_frames({int(plays['week'].iloc[0])}): expected the {len(plays)} plays that season.plays "
                f"has in this week, and it has {len(start)} that are not the same. Give both tables the same plays."
            )
        play = np.cumsum(opens) - 1
        left = (plays["play_direction"] == "left").to_numpy()
        names = ("x", "y", "speed", "acceleration", "direction", "orientation")
        values = np.stack([frames[name].to_numpy(dtype=float).reshape(-1, rows) for name in names], axis=-1)
        turned = left[play]
        values[turned, :, 0] = FOOTBALL.field_length - values[turned, :, 0]
        values[turned, :, 1] = FOOTBALL.field_width - values[turned, :, 1]
        values[turned, :, 4:] += 180.0
        first = (start[:, None] * rows + np.arange(rows)).ravel()
        return cls(
            week=int(plays["week"].iloc[0]),
            game_id=plays["game_id"].to_numpy(),
            play_id=plays["play_id"].to_numpy(),
            quarter=plays["quarter"].to_numpy(),
            clock=plays["clock"].to_numpy(),
            clubs=plays[["offence_team", "defence_team"]].to_numpy(dtype=object),
            left=left,
            snap=plays["snap_frame"].to_numpy() - 1,
            release=plays["release_frame"].to_numpy() - 1,
            outcome=plays["outcome"].to_numpy(dtype=object),
            start=start,
            length=np.diff(np.append(start, len(play))),
            play=play,
            frame=np.arange(len(play)) - start[play],
            event=pd.Categorical(head["event"], categories=list(EVENTS)).codes.astype(int),
            ids=frames["player_id"].to_numpy()[first].reshape(-1, rows),
            position=frames["position"].astype(object).to_numpy()[first].reshape(-1, rows),
            offence=(frames["side"].to_numpy()[first] == "offence").reshape(-1, rows)[:, 1:],
            values=values,
        )

    def place(self, frame: np.ndarray) -> np.ndarray:
        """Where all stand, one frame (from 0) for each play: complex (P, 23), x + iy of the turned field."""
        values = self.values[self.start + frame]
        x, y = values[..., 0], values[..., 1]
        left = self.left[:, None]
        return np.where(left, FOOTBALL.field_length - x, x) + 1j * np.where(left, FOOTBALL.field_width - y, y)

    def file_order(self) -> np.ndarray:
        """Rows (frame times 23 plus entity) in the order of the file: play, players then ball, frame."""
        rows = FOOTBALL.entities
        entity = (np.arange(rows) - 1) % rows  # the ball goes last
        play = self.play
        at = rows * self.start[play][:, None] + entity * self.length[play][:, None] + self.frame[:, None]
        order = np.empty(at.size, dtype=np.int64)
        order[at.ravel()] = np.arange(at.size)
        return order

    def hundredths(self, row: np.ndarray) -> dict[str, np.ndarray]:
        """The measured columns of some rows, as places in `_decimals`."""
        rows = FOOTBALL.entities
        values = self.values.reshape(-1, 6)
        before = np.where(self.frame[row // rows] > 0, row - rows, row)
        taken = np.rint(100 * values[row])
        step = taken[:, :2] - np.rint(100 * values[before, :2])
        moved = np.where(before == row, taken[:, 2] / FOOTBALL.frames_per_second, np.hypot(step[:, 0], step[:, 1]))
        columns = {
            "x": taken[:, 0],
            "y": taken[:, 1],
            "s": taken[:, 2],
            "a": taken[:, 3],
            "dis": np.rint(moved),
            "dir": taken[:, 4] % 36_000,
            "o": taken[:, 5] % 36_000,
        }
        places = {}
        for name, number in columns.items():
            missing = np.isnan(number)
            if ((number < LOW) | (number > HIGH)).any() or (missing.any() and name not in ("o", "dir")):
                raise ValueError(
                    f"season.week_frames({self.week}): expected numbers from {LOW / 100:g} to {HIGH / 100:g} in what "
                    f"becomes the column '{name}', and the range is {np.min(number) / 100:g} to "
                    f"{np.max(number) / 100:g}. Check the frames with qbsbp.schema.check."
                )
            places[name] = np.where(missing, HIGH + 1, number).astype(np.int64) - LOW
        return places


@dataclass(frozen=True)
class _Seen:
    """What the tracks of P plays say beside the season: see the module."""

    rushers: np.ndarray
    defender: np.ndarray
    place: np.ndarray
    in_box: np.ndarray
    alignment: np.ndarray
    location: np.ndarray
    passer_release: np.ndarray

    @classmethod
    def of(cls, plays: pd.DataFrame, tracks: _Tracks) -> _Seen:
        row = np.arange(len(plays))
        ids, attack = tracks.ids[:, 1:], tracks.offence
        passer = np.argmax(ids == plays["passer_id"].to_numpy()[:, None], axis=1)
        target = np.argmax(ids == plays["target_id"].to_numpy()[:, None], axis=1)
        thrown_to = plays["target_id"].to_numpy() > 0
        snap, release, last = (tracks.place(frame) for frame in (tracks.snap, tracks.release, tracks.length - 1))
        ball, snap, release, last = snap[:, 0], snap[:, 1:], release[:, 1:], last[:, 1:]

        late = tracks.place(np.minimum(tracks.snap + RUSH_FRAMES, tracks.release))[:, 1:]
        gap = np.where(attack, np.inf, np.abs(late - late[row, passer][:, None]))
        rank = np.argsort(np.argsort(gap, axis=1, kind="stable"), axis=1, kind="stable")
        rushers = ~attack & (rank < plays["pass_rushers"].to_numpy()[:, None])

        carrier = np.where(thrown_to, last[row, target], last[row, passer])
        nearest = np.where(attack, np.inf, np.abs(last - carrier[:, None])).argmin(axis=1)

        line = plays["line_of_scrimmage"].to_numpy()[:, None]
        middle = FOOTBALL.field_width / 2
        across = np.where(thrown_to, release[row, target].imag, release[row, passer].imag)
        third = np.select([across > middle + 6, across < middle - 6], ["left", "right"], "middle")
        blockers = tracks.position[:, 1:] == LINE
        high = np.where(blockers, snap.imag, -np.inf).max(axis=1)
        low = np.where(blockers, snap.imag, np.inf).min(axis=1)
        boxed = ~attack & (snap.real < line + 8) & (snap.imag < high[:, None] + 3) & (snap.imag > low[:, None] - 3)
        split = np.isin(tracks.position[:, 1:], ["RB", "WR", "TE"]) & attack & (snap.real > line - 3)
        sides = np.sort([(split & (sign * (snap.imag - ball.imag[:, None]) > 0)).sum(axis=1) for sign in (1, -1)], 0)
        threw = release[row, passer].imag
        return cls(
            rushers=rushers,
            defender=ids[row, nearest],
            place=third,
            in_box=boxed.sum(axis=1),
            alignment=np.array([f"{more}x{fewer}" for fewer, more in sides.T]),
            location=np.select([threw > high + 1, threw < low - 1], ["OUTSIDE_LEFT", "OUTSIDE_RIGHT"], "INSIDE_BOX"),
            passer_release=release[row, passer],
        )


def _lined_up(tracks: _Tracks, passer: np.ndarray) -> np.ndarray:
    """pff_positionLinedUp, (P, 22): each group's names dealt out across the field at the snap, from the left."""
    across = tracks.place(tracks.snap)[:, 1:].imag  # large y is the left of the offence and the right of the defence
    group = tracks.position[:, 1:]
    names = {
        "OL": (("LT", "LG"), ("C",), ("RG", "RT")),
        "WR": (("LWR",), ("SLWR", "SLiWR", "SRiWR"), ("RWR",)),
        "TE": (("TE-L",), ("TE-iL", "TE-oR"), ("TE-R",)),
        "RB": (("HB-L",), ("HB", "FB"), ("HB-R",)),
        "DL": (("RE",), ("DRT", "NT", "DLT"), ("LE",)),
        "LB": (("ROLB",), ("RLB", "MLB", "LLB"), ("LOLB",)),
        "DB": (("RCB",), ("SCBR", "SS", "FS", "SCBL"), ("LCB",)),
    }
    lined = np.full(group.shape, "QB", dtype=object)
    for name, (left, inner, right) in names.items():
        mine = (group == name) & ~passer
        count = mine.sum(axis=1)[:, None]
        rank = np.argsort(np.argsort(np.where(mine, -across, np.inf), axis=1), axis=1)
        inside = np.array(inner, dtype=object)[np.clip(rank - len(left), 0, None) % len(inner)]
        ends = np.array(left, dtype=object)[np.clip(rank, 0, len(left) - 1)]
        finals = np.array(right, dtype=object)[np.clip(rank - (count - len(right)), 0, len(right) - 1)]
        dealt = np.where(rank < len(left), ends, np.where(rank >= count - len(right), finals, inside))
        alone = np.where((count == 1) & (name in ("RB", "DL", "LB")), inner[0], dealt)
        lined = np.where(mine, alone, lined)
    return lined


def _keys(plays: pd.DataFrame, ids: np.ndarray) -> dict[str, np.ndarray]:
    return {
        "gameId": np.broadcast_to(plays["game_id"].to_numpy()[:, None], ids.shape),
        "playId": np.broadcast_to(plays["play_id"].to_numpy()[:, None], ids.shape),
        "nflId": ids,
    }


def _text_table(columns: dict[str, np.ndarray], layout: Layout) -> pa.Table:
    """The scouting file's rows as text; columns that are not given are NA throughout."""
    rows = columns["nflId"].size
    absent = pa.array(["NA"]).take(pa.array(np.zeros(rows, dtype=np.int64)))
    return pa.table({name: _strings(columns[name].ravel()) if name in columns else absent for name in layout.scouting})


def _strings(values: np.ndarray) -> pa.Array:
    """An array as text, None as NA."""
    codes, kinds = pd.factorize(values, use_na_sentinel=True)
    texts = pa.array([*(str(kind) for kind in kinds), "NA"], type=pa.string())
    return texts.take(pa.array(np.where(codes < 0, len(kinds), codes)))


@functools.cache
def _decimals() -> pa.Array:
    """Text of every hundredth from `LOW` to `HIGH`, without trailing zeros; the last entry is NA."""
    texts = [f"{number / 100:.2f}".rstrip("0").rstrip(".") for number in range(LOW, HIGH + 1)]
    return pa.array([*texts, "NA"])


def _disturb_tags(tags: np.ndarray, tracks: _Tracks, rng: np.random.Generator) -> None:
    """Put the machine's tags of snap and pass in place of, or a frame beside, the annotator's."""
    none = TAGS.index("none")
    for tag, at in (("ball_snap", tracks.snap), ("pass_forward", tracks.release)):
        alone = rng.random(len(at)) < QUIRKS["autoevent_alone"]
        beside = rng.random(len(at)) < QUIRKS["autoevent_beside"]
        step = np.where(rng.random(len(at)) < 0.5, -1, 1)
        frame = tracks.start + at
        is_tagged = tags[frame] == TAGS.index(tag)
        auto = TAGS.index(AUTO[tag])
        tags[frame[alone & is_tagged]] = auto
        near = frame + np.where((at + step >= 0) & (at + step < tracks.length), step, 0)
        free = ~alone & beside & is_tagged & (tags[near] == none)
        tags[near[free]] = auto


def _disturb_rows(order: np.ndarray, tracks: _Tracks, rng: np.random.Generator) -> np.ndarray:
    """Leave out rows of one player for a while, and give all rows of a frame twice."""
    rows = FOOTBALL.entities
    times = np.ones(len(order), dtype=np.int64)  # by row, not by place in the file
    for play in np.flatnonzero(rng.random(len(tracks.start)) < QUIRKS["frame_repeated"]):
        inner = _inner(tracks, play, 1)
        if len(inner):
            frame = tracks.start[play] + rng.choice(inner)
            times[frame * rows : (frame + 1) * rows] = 2
    for play in np.flatnonzero(rng.random(len(tracks.start)) < QUIRKS["rows_missing"]):
        entity, gap = int(rng.integers(rows)), int(rng.integers(1, 4))
        inner = _inner(tracks, play, gap)
        if len(inner):
            frame = tracks.start[play] + rng.choice(inner) + np.arange(gap)
            times[frame * rows + entity] = 0
    return np.repeat(order, times[order])


def _inner(tracks: _Tracks, play: int, gap: int) -> np.ndarray:
    """Frames of a play from which `gap` frames may be disturbed: neither its ends nor its snap nor its release."""
    frame = np.arange(1, tracks.length[play] - gap)
    wrong = np.zeros(len(frame), dtype=bool)
    for kept in (tracks.snap[play], tracks.release[play]):
        wrong |= (frame <= kept) & (kept < frame + gap)
    return frame[~wrong]


def _kickoffs(games: pd.DataFrame) -> pd.Series:
    """UTC of each game's kick-off; Eastern time is 4 hours behind it in summer, 5 from the first Sunday of November."""
    start = []
    for day, time in zip(games["date"], games["time"]):
        local = datetime.fromisoformat(f"{day}T{time}")
        november = date(local.year, 11, 1)
        winter = november + timedelta(days=(6 - november.weekday()) % 7)
        summer = date(local.year, 3, 8)
        summer += timedelta(days=(6 - summer.weekday()) % 7)
        start.append(local + timedelta(hours=4 if summer <= local.date() < winter else 5))
    return pd.Series(pd.to_datetime(start), index=games["game_id"].to_numpy())
