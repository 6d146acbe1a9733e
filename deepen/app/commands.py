"""Every command of `deepen`, as people read about it.

To add a command: an entry here, and the function of `app/` it names: asked -> exit code (None: 0).
The sentences are spoken when the table is made, so it is made anew for each language.
"""
from dataclasses import dataclass

from deepen.core.words import say


@dataclass(frozen=True)
class Option:
    """`--name VALUE`, or a switch where `value` is empty."""
    name: str
    value: str
    help: str


@dataclass(frozen=True)
class Command:
    """One word after `deepen`: what it takes, what it does, how it is used."""
    name: str
    does: str                                       # "file.function" in app/
    takes: str
    about: str
    examples: tuple[tuple[str, str], ...]           # (command line, what it is for)
    options: tuple[Option, ...] = ()
    most: int | None = None                         # words it takes at most; None: any number
    least: int = 0


@dataclass(frozen=True)
class Asked:
    """A command line, taken apart."""
    command: Command
    words: tuple[str, ...]
    options: dict[str, str | bool]

    def text(self, option: str) -> str | None:
        """What was given to `--option`, or None."""
        value = self.options.get(option)
        return None if value is None else str(value)

    @property
    def json(self) -> bool:
        return bool(self.options.get("json"))

    @property
    def quiet(self) -> bool:
        return bool(self.options.get("quiet"))


def everywhere() -> tuple[Option, ...]:
    """Options of every command."""
    return (Option("json", "", say("end with one line of JSON on standard output; words go to standard error")),
            Option("lang", "ko|en", say("language of every sentence (or set DEEPEN_LANG)")),
            Option("help", "", say("show this help")))


def groups() -> dict[str, tuple[Command, ...]]:
    """Commands under their headings, in the order of work."""
    return {say("Learn"): _learn(), say("Use"): (*_use(), *_hand_over()), say("Steer a run that is learning"): _steer(),
            say("Find"): _find()}


def commands() -> dict[str, Command]:
    """Every command by its name."""
    return {command.name: command for group in groups().values() for command in group}


def _how() -> tuple[Option, ...]:
    return (
        Option("device", "auto|cpu|cuda|mps", say("where to compute; auto takes the fastest there is")),
        Option("precision", "auto|fp32|bf16|fp16", say("number format of the arithmetic")),
        Option("seed", "N", say("everything random follows from it (default 0)")),
        Option("minutes", "M", say("stop after so many minutes; the learning rate falls in time")),
        Option("out", "FOLDER", say("the run folder itself (default: the next number under runs/)")),
        Option("keep", "best|last", say("which state becomes the model (default best on the validation data)")),
        Option("eval-every", "N", say("judge every N steps (default: ten times a run)")),
        Option("patience", "N", say("stop after N judgements without a better score")),
        Option("on-bad", "stop|skip", say("what to do with files that cannot be read (default stop)")),
        Option("folds", "K", say("cross-validate: K runs, each judged on another part; then their mean and spread")),
        Option("quiet", "", say("show the end only")))


def _learn() -> tuple[Command, ...]:
    return (
        Command("check", "check.check", "DATA [key=value …]",
                say("Look at data before anything learns from it: what it is, what is wrong where, whether training may start."),
                (("deepen check ./house.csv target=price", say("a table: delimiter, encoding, target, missing values")),
                 ("deepen check ./photos", say("pictures: every file is decoded to its end")),
                 ("deepen check ./photos --report photos.html", say("the same as a page with charts, to keep or to hand on")),
                 ('deepen check digits --augment "shift 1; rotate 10"', say("a page that shows what each line does to your pictures")),
                 ("deepen check iris --json", say("for programs"))),
                (Option("on-bad", "stop|skip", say("what to do with files that cannot be read (default stop)")),
                 Option("augment", "LINES", say("show on that page what these lines of augmentation do, as training would see it")),
                 Option("report", "FILE.html", say("also write a page with charts and pictures"))), least=1),
        Command("train", "learn.train", "WHAT [key=value …]",
                say("Let a system learn: progress, verdict, next steps."),
                (("deepen train digits", say("the first thing to try: seconds, no download")),
                 ("deepen train ./photos epochs=20", say("your pictures, one folder a class")),
                 ("deepen train classify data=mnist goal=accuracy:0.99", say("a system, its data and a goal")),
                 ('deepen train digits net="conv 16 3; relu; pool 2; dense classes"', say("a network of your own")),
                 ("deepen train ./mine.py --minutes 5", say("a system of your own, for five minutes"))),
                _how(), least=1),
        Command("resume", "learn.resume", "RUN", say("Go on with a run where it stopped."),
                (("deepen resume runs/digits-classify-0001", say("by its folder")),
                 ("deepen resume 1", say("by its number"))),
                (Option("quiet", "", say("show the end only")),), 1, 1),
        Command("plan", "ask.plan", "SYSTEM [key=value …]",
                say("Show a network: layers, parameters, memory."),
                (("deepen plan classify", say("with its own data")),
                 ("deepen plan classify net=lenet batch=256 --input 3x224x224 --classes 1000",
                  say("for pictures and classes of your choice")),
                 ("deepen plan classify data=mnist --find-lr", say("try a hundred learning rates and suggest one"))),
                (Option("input", "CxHxW", say("channels, height and width of a picture (default: from data=)")),
                 Option("classes", "N", say("how many classes (default: from data=)")),
                 Option("find-lr", "", say("let it learn for a hundred steps while the learning rate rises; keeps no run")),
                 Option("report", "FILE.html", say("with --find-lr: also write its curve as a page")),
                 Option("seed", "N", say("everything random follows from it (default 0)"))), least=1),
        Command("studio", "studio.studio", "", say("Open the browser window: Playground, Designer, live runs, Try it, lessons."),
                (("deepen studio", say("prints its address first, then opens it in your browser")),
                 ("deepen studio --port 8600 --no-browser", say("on a port of your choice; open the address yourself")),
                 ("deepen studio --class", say("for a room: an address and a picture to scan for everyone in it"))),
                (Option("port", "N", say("port to listen on (default 8571; 0: any that is free)")),
                 Option("no-browser", "", say("do not open the browser")),
                 Option("host", "H", say("address to listen on (default: this machine alone)")),
                 Option("class", "", say("let the room join")),
                 Option("runs", "FOLDER", say("the folder of runs to show (default runs/)"))), 0, 0),
        Command("copy", "lists.copy", "SYSTEM [FILE]", say("Copy a system's file, to change and train it."),
                (("deepen copy classify", say("writes ./classify.py; then: deepen train ./classify.py")),), (), 2, 1))


def _use() -> tuple[Command, ...]:
    return (
        Command("validate", "ask.validate", "RUN",
                say("Open the sealed test set: the honest numbers."),
                (("deepen validate runs/digits-classify-0001", say("on its own test set")),
                 ("deepen validate 1 --data ./new-photos", say("on other data")),
                 ("deepen validate 1 --split valid", say("on a split of your choice; the test stays sealed"))),
                (Option("data", "PATH", say("a source or a path to judge on, instead of the run's own data")),
                 Option("split", "train|valid|test", say("which part of the data (default test)")),
                 Option("inception", "FILE", say("also FID of a system that makes pictures, by these Inception weights (safetensors)")),
                 Option("samples", "N", say("pictures of either side that FID compares (default 2048)"))), 1, 1),
        Command("predict", "ask.predict", "RUN FILE …", say("Ask a trained model about files of yours."),
                (("deepen predict runs/digits-classify-0001 my-digit.png", say("one picture")),
                 ("deepen predict 1 *.png --json", say("many, one line of JSON each")),
                 ("deepen predict 1 *.jpg --out found", say("boxes, masks, sentences: drawn on copies, and as files for programs"))),
                (Option("out", "FOLDER", say("write drawn copies and results: boxes.json, masks or captions.csv")),
                 Option("as", "coco|voc", say("the form of boxes: one JSON, or an XML a picture (default coco)")),
                 Option("sure", "S", say("boxes less sure than this are left out (default 0.5)"))), least=2),
        *_make())


def _make() -> tuple[Command, ...]:
    seed = Option("seed", "N", say("everything random follows from it (default 0)"))
    return (
        Command("sample", "sample.sample", "RUN [n=16] [key=value …]", say("Let a system that makes things make some."),
                (("deepen sample runs/digits-dcgan-0001", say("writes shown/samples.png into the run's folder")),
                 ("deepen sample 1 n=64 --seed 7", say("more, from another seed")),
                 ("deepen sample 1 film=true", say("a film: how they come to be, or what it made through training")),
                 ("deepen sample 1 interpolate=8", say("eight even steps on the way from one to another, in rows")),
                 ("deepen sample 1 class=7 --out sevens/", say("of one class, where the system knows classes; a file each")),
                 ("deepen sample 1 --help", say("all that this run can be asked"))),
                (seed, Option("out", "FILE", say("where to write: a sheet (.png), a film (.gif), or FOLDER/ for a file each"))), least=1),
        Command("play", "make.play", "RUN [episodes=1]", say("Let a system that acts play, and look on."),
                (("deepen play runs/cartpole-dqn-0001", say("one episode, move by move")),
                 ("deepen play 1 episodes=100 --quiet", say("the returns only"))),
                (seed, Option("quiet", "", say("show the end only"))), least=1),
        Command("nearest", "make.nearest", "RUN WORD …", say("Ask a system that embeds words what lies beside a word."),
                (("deepen nearest 1 king queen", say("the nearest words of each")),), (), least=2))


def _hand_over() -> tuple[Command, ...]:
    return (
        Command("report", "hand_over.report", "RUN",
                say("Write the run's report: one page with the verdict, the curves, the worst mistakes and the recipe."),
                (("deepen report runs/digits-classify-0001", say("writes report.html into the run's folder")),
                 ("deepen report 1 --lang ko", say("in Korean"))), (), 1, 1),
        Command("export", "hand_over.export", "RUN",
                say("Export the model as one file that runs anywhere, proved equal to the trained one."),
                (("deepen export runs/digits-classify-0001", say("writes export/model.onnx and card.json")),),
                (Option("out", "FOLDER", say("where to write (default: export/ in the run's folder)")),), 1, 1))


def _steer() -> tuple[Command, ...]:
    run = "runs/digits-classify-0001"
    return (
        Command("stop", "learn.order", "RUN", say("Ask a run to save and stop."),
                ((f"deepen stop {run}", ""),), (), 1, 1),
        Command("pause", "learn.order", "RUN", say("Ask a run to wait."), ((f"deepen pause {run}", ""),), (), 1, 1),
        Command("go", "learn.order", "RUN", say("Let a run that waits go on."), ((f"deepen go {run}", ""),), (), 1, 1),
        Command("save", "learn.order", "RUN", say("Ask a run to write a checkpoint now."),
                ((f"deepen save {run}", ""),), (), 1, 1),
        Command("set", "learn.order", "RUN key=value …", say("Change a setting of a run while it learns."),
                ((f"deepen set {run} lr=0.001", say("settings marked live in `deepen systems NAME`")),), (), least=2))


def _find() -> tuple[Command, ...]:
    return (
        Command("runs", "lists.runs", "[FOLDER]", say("List the runs: score, steps, state."),
                (("deepen runs", ""), ("deepen runs --json", say("for programs"))), (), 1),
        Command("systems", "lists.systems", "[NAME]", say("List what can learn, or one system's settings."),
                (("deepen systems", ""), ("deepen systems classify", say("its settings, with defaults and help"))), (), 1),
        Command("sources", "lists.sources", "[NAME]", say("List the data, or one source's settings."),
                (("deepen sources", ""), ("deepen sources digits", say("its settings, with defaults and help"))), (), 1),
        Command("book", "book.show", "[WORD …]", say("The textbook's figures and examples, and a course."),
                (("deepen book", say("the contents")),
                 ("deepen book conv-filter", say("one entry, its numbers computed now")),
                 ("deepen book layers", say("a chapter")),
                 ("deepen book course 1", say("the first of six lessons")))),
        Command("machine", "machine.show", "", say("What this computer can train, and how fast."),
                (("deepen machine", say("measures for a few seconds")),
                 ("deepen machine --price 2.5", say("with what a GPU would cost at 2.50 an hour"))),
                (Option("price", "P", say("price of a GPU for an hour, in your currency")),
                 Option("quick", "", say("do not measure; look only"))), 0))

