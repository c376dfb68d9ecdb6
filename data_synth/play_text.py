"""What happened in a play, told as the league's game books do: "(12:03) (Shotgun) J.Doe pass short right to ...".

The grammar, with N a number of yards ("for no gain" is 0, "1 yard" the only singular), SPOT as in "DEN 34" or "50",
DEPTH short or deep, and SIDE left, middle or right:

    pass DEPTH SIDE to RECEIVER to SPOT for N yards (TACKLER).     complete
    pass DEPTH SIDE to RECEIVER for N yards, TOUCHDOWN.            complete, in the end zone
    pass incomplete DEPTH SIDE to RECEIVER.                        incomplete; thrown away: no receiver
    pass DEPTH SIDE intended for RECEIVER INTERCEPTED by DEFENDER at SPOT. DEFENDER to SPOT for N yards.
    sacked at SPOT for -N yards (TACKLER).
    scrambles left end to SPOT for N yards (TACKLER).              or up the middle, or right end

So the yards of the offence are those after the first "for", and 0 where the text has "incomplete" or "INTERCEPTED".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["DEEP", "Told", "short_name", "spot", "tell"]

DEEP = 15.0
"""Air yards from which a pass is called deep."""


@dataclass(frozen=True)
class Told:
    """What the text of one play is made from.

    Args:
        clock: Left of the quarter, s.
        formation: Of the offence; SHOTGUN and EMPTY are told.
        offence_team: Team with the ball.
        defence_team: The other team.
        yards_to_goal: From the snap to the goal line.
        outcome: As in the table of plays.
        yards_gained: By the play.
        touchdown: Whether the offence scored.
        air_yards: Line of scrimmage to the catch point.
        return_yards: Of an interception.
        place: left, middle or right.
        passer: Short name.
        target: Short name, "" without one.
        defender: Short name of who tackled, intercepted or sacked.
    """

    clock: float
    formation: str
    offence_team: str
    defence_team: str
    yards_to_goal: int
    outcome: str
    yards_gained: int
    touchdown: bool
    air_yards: float
    return_yards: int
    place: str
    passer: str
    target: str
    defender: str


def tell(play: Told) -> str:
    """The description of one play."""
    clock = int(play.clock)
    gun = " (Shotgun)" if play.formation in ("SHOTGUN", "EMPTY") else ""
    return f"({clock // 60}:{clock % 60:02d}){gun} {play.passer} {_DEEDS[play.outcome](play)}"


def spot(yards_to_goal: float, offence_team: str, defence_team: str) -> str:
    """The yard line `yards_to_goal` from the goal line that the offence attacks, as "DEN 34"; midfield is "50"."""
    line = min(max(round(yards_to_goal), 0), 100)
    if line == 50:
        return "50"
    return f"{offence_team} {100 - line}" if line > 50 else f"{defence_team} {line}"


def short_name(name: str, others: Iterable[str]) -> str:
    """ "J.Doe" for "John Doe", with as much of the first name as tells him from the `others` of his family name.

    Where that is all of it, as for Jo beside John, "Jo.Doe" is Jo.

    Raises:
        ValueError: One of the others has the same name.
    """
    first, _, last = name.partition(" ")
    rivals = [other.partition(" ")[0] for other in others if other.partition(" ")[2] == last]
    for length in range(1, len(first) + 1):
        if not any(rival.startswith(first[:length]) for rival in rivals):
            return f"{first[:length]}.{last}"
    if first not in rivals:
        return f"{first}.{last}"
    raise ValueError(
        f"players: expected names that differ in one team, and {name!r} cannot be told from "
        f"{', '.join(f'{rival} {last}' for rival in rivals)}. Rename one of them."
    )


def _complete(play: Told) -> str:
    return f"pass {_depth(play)} {play.place} to {play.target}{_run(play)}"


def _incomplete(play: Told) -> str:
    return f"pass incomplete {_depth(play)} {play.place}{f' to {play.target}' if play.target else ''}."


def _interception(play: Told) -> str:
    # in yards to the goal line that the offence attacks; a return out of the end zone counts from that line
    caught = max(play.yards_to_goal - round(play.air_yards), 0)
    ended = caught + play.return_yards
    at = spot(caught, play.offence_team, play.defence_team)
    text = (
        f"pass {_depth(play)} {play.place}{f' intended for {play.target}' if play.target else ''} INTERCEPTED by "
        f"{play.defender} at {at}. "
    )
    if ended <= 0:
        return f"{text}Touchback."
    if ended >= 100:
        return f"{text}{play.defender} for {_yards(play.return_yards)}, TOUCHDOWN."
    to = spot(ended, play.offence_team, play.defence_team)
    return f"{text}{play.defender} to {to} for {_yards(play.return_yards)}."


def _sack(play: Told) -> str:
    at = spot(play.yards_to_goal - play.yards_gained, play.offence_team, play.defence_team)
    return f"sacked at {at} for {_yards(play.yards_gained)} ({play.defender})."


def _scramble(play: Told) -> str:
    side = {"left": "left end", "middle": "up the middle", "right": "right end"}[play.place]
    return f"scrambles {side}{_run(play)}"


def _run(play: Told) -> str:
    if play.touchdown:
        return f" for {_yards(play.yards_gained)}, TOUCHDOWN."
    to = spot(play.yards_to_goal - play.yards_gained, play.offence_team, play.defence_team)
    return f" to {to} for {_yards(play.yards_gained)} ({play.defender})."


def _depth(play: Told) -> str:
    return "deep" if play.air_yards >= DEEP else "short"


def _yards(number: int) -> str:
    if number == 0:
        return "no gain"
    return "1 yard" if number == 1 else f"{number} yards"


_DEEDS = {
    "complete": _complete,
    "incomplete": _incomplete,
    "interception": _interception,
    "sack": _sack,
    "scramble": _scramble,
}
