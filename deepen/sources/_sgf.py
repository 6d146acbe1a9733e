"""Records of games of go in the SGF form: the main line of each game in a file."""
import re
from dataclasses import dataclass, field

from deepen.core.words import say
from deepen.sources._finding import Trouble

LARGEST = 19
_TOKEN = re.compile(r"\(|\)|;|([A-Za-z]+)|\[((?:\\.|[^\]\\])*)\]|\s+|(.)", re.DOTALL)
Point = tuple[int, int]


@dataclass
class Game:
    """Moves are (colour, point); a point of None is a pass."""
    size: int = LARGEST
    moves: list[tuple[str, Point | None]] = field(default_factory=list)
    stones: list[tuple[str, Point]] = field(default_factory=list)          # set before the first move
    result: str = ""
    variations: int = 0
    problem: str = ""                                                       # the first move that cannot be


def games(raw: bytes, file: str) -> list[Game]:
    """Every game of a file. `Trouble` when it is cut off or no SGF. Names in any encoding do not matter: moves are ASCII."""
    text = raw.decode("latin-1")
    if "(" not in text or ";" not in text:
        raise Trouble(say("this is no game in the SGF form"), say("check that the right file was given"), file)
    found: list[Game] = []
    game, name, depth, ended = Game(), "", 0, False
    for token in _TOKEN.finditer(text, text.index("(")):
        mark = token[0]
        if mark == "(":
            if depth == 0:
                game, ended = Game(), False
                found.append(game)
            game.variations += ended
            depth += 1
        elif mark == ")":
            depth, ended = depth - 1, True
        elif token[1]:
            name = token[1].upper()
        elif token[2] is not None and not ended and depth:
            _property(game, name, token[2].strip())
        elif token[3]:
            raise Trouble(say("the game is cut off or damaged"), say("download or write it again"), file,
                          say("byte {byte}", byte=token.start()))
        if depth < 0:
            raise Trouble(say("the game is cut off or damaged"), say("download or write it again"), file,
                          say("byte {byte}", byte=token.start()))
    if depth:
        raise Trouble(say("the game is cut off or damaged"), say("download or write it again"), file,
                      say("byte {byte}", byte=len(raw)))
    for one in found:
        _play(one)
    return found


def _property(game: Game, name: str, value: str) -> None:
    if name == "SZ":
        game.size = int(value) if re.fullmatch("[0-9]{1,4}", value) else 0
    elif name == "RE":
        game.result = value
    elif name in ("AB", "AW"):
        if (point := _point(value)) is not None:
            game.stones.append((name[1], point))
    elif name in ("B", "W"):
        is_pass = not value or (value == "tt" and game.size <= LARGEST)
        point = None if is_pass else _point(value)
        if point is None and not is_pass:
            game.problem = game.problem or say("move {number} ({value}) is no point", number=len(game.moves) + 1, value=value)
        else:
            game.moves.append((name, point))


def _point(value: str) -> Point | None:
    return (ord(value[0]) - 97, ord(value[1]) - 97) if re.fullmatch("[a-z][a-z]", value) else None


def _play(game: Game) -> None:
    """Play the moves through, with captures; the first that no rule allows is the game's problem."""
    if not 2 <= game.size <= LARGEST:
        game.problem = say("the board is {size}×{size}; at most {most}×{most} can be played", size=game.size, most=LARGEST)
        return
    board: dict[Point, str] = {point: colour for colour, point in game.stones}
    for number, (colour, point) in enumerate(game.moves, 1):
        if point is None:
            continue
        if max(point) >= game.size:
            game.problem = say("move {number} ({point}) lies off the board", number=number, point=_name(point))
        elif point in board:
            game.problem = say("move {number} ({point}) is on a point that is taken", number=number, point=_name(point))
        else:
            board[point] = colour
            for beside in _beside(point, game.size):
                if board.get(beside) not in (None, colour) and (dead := _dead(board, beside, game.size)):
                    for stone in dead:
                        del board[stone]
            if _dead(board, point, game.size):
                game.problem = say("move {number} ({point}) takes its own last liberty", number=number, point=_name(point))
        if game.problem:
            return


def _name(point: Point) -> str:
    return chr(97 + point[0]) + chr(97 + point[1])


def _beside(point: Point, size: int) -> list[Point]:
    x, y = point
    return [(a, b) for a, b in ((x - 1, y), (x + 1, y), (x, y - 1), (x, y + 1)) if 0 <= a < size and 0 <= b < size]


def _dead(board: dict[Point, str], point: Point, size: int) -> set[Point]:
    """The group of a stone if it has no liberty, else nothing."""
    group, edge = {point}, [point]
    while edge:
        for beside in _beside(edge.pop(), size):
            if beside not in board:
                return set()
            if board[beside] == board[point] and beside not in group:
                group.add(beside)
                edge.append(beside)
    return group
