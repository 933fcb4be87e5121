"""Every flag of the agent, declared once: parser, `-help` and docs derive from this file.

Names, defaults and usage texts are the seed README's (docs/contract/system.md 2.1). A platform that
is not Linux keeps the agent below the user's home. Of the paths only the built-in agent directory
decides the others' defaults: a given -agentDir moves none of them.

`-version` pays for every import made here.
"""

import sys

from reagent.settings import goflag
from reagent.settings.goflag import Bool, Flag, String, Uint

_SEPARATOR = "\\" if sys.platform == "win32" else "/"


def _home_folder() -> str:
    """`$HOME/reagent`; a service without a home keeps it where all programs keep their data."""
    import os  # noqa: PLC0415 - Linux need not pay for it

    home = os.path.expanduser("~")  # noqa: PTH111 - pathlib costs more than everything else here
    if home == "~":
        home = os.environ.get("PROGRAMDATA", os.curdir)
    return home + _SEPARATOR + "reagent"


if sys.platform.startswith("linux"):
    BUILT_IN_AGENT_DIR = "/opt/reagent"
    _LOG_FILE = "/var/log/reagent.log"
else:
    BUILT_IN_AGENT_DIR = _home_folder()
    _LOG_FILE = BUILT_IN_AGENT_DIR + _SEPARATOR + "reagent.log"


class Flags:
    """What the command line said, and the default where it said nothing. Times are milliseconds.

    `Flags(offline=True)` makes one in a test, by attribute name; `Flags.parse` in the process.
    """

    agent_dir = String(
        "agentDir", "default location of the agent binary", default=BUILT_IN_AGENT_DIR
    )
    apps_dir = String(
        "appsDir",
        "default path for apps and app-data",
        default=BUILT_IN_AGENT_DIR + _SEPARATOR + "apps",
    )
    arch = Bool("arch", "displays the architecture for which the binary was built")
    compressed_build_extension = String(
        "compressedBuildExtension",
        "sets the extension in which the compressed build files will be provided",
        default="tgz",
    )
    config = String("config", "reswarm configuration file")
    conn_timeout_ms = Uint(
        "connTimeout",
        "Sets the connection timeout for the socket connection in milliseconds"
        " (0 means no timeout)",
        default=1250,
    )
    db_file_name = String(
        "dbFileName",
        "defines the name used to persist the database file",
        default=BUILT_IN_AGENT_DIR + _SEPARATOR + "reagent.db",
    )
    debug = Bool("debug", "sets the log level to debug", default=True)
    debug_messaging = Bool("debugMessaging", "enables debug logs for messenging layer")
    env = String(
        "env",
        "determines in which environment the agent will operate."
        " Possible values: (production, test, local)",
        default="production",
    )
    log_file = String("logFile", "log file used by the reagent", default=_LOG_FILE)
    nmw = Bool(
        "nmw", "enables the agent to use the NetworkManager API on Linux machines", default=True
    )
    offline = Bool(
        "offline",
        "starts the agent without establishing a socket connection."
        " meant for debugging (default=false)",
    )
    pp_timeout_ms = Uint(
        "ppTimeout", "Sets the ping pong timeout of the client in milliseconds (0 means no timeout)"
    )
    pretty_logging = Bool(
        "prettyLogging", "enables the pretty console writing, intended for debugging"
    )
    profiling = Bool("profiling", "sets up a pprof webserver on the defined port")
    profiling_port = Uint("profilingPort", "port of the profiling service", default=80)
    remote_update_url = String(
        "remoteUpdateURL",
        "bucket to be used to download updates",
        default="https://storage.googleapis.com",
    )
    resp_timeout_ms = Uint(
        "respTimeout", "Sets the response timeout of the client in milliseconds", default=5000
    )
    update = Bool("update", "determines if the agent should update on start", default=True)
    version = Bool("version", "displays the current version of the agent")

    def __init__(self, **given: bool | int | str) -> None:
        for attribute, value in given.items():
            flag = DECLARED.get(attribute)
            if flag is None or type(value) is not flag.kind:
                raise TypeError(f"there is no flag {attribute} that can be {value!r}")
            self.__dict__[attribute] = value

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"flags are what the command line said; {name} cannot be set")

    @classmethod
    def parse(cls, words: list[str]) -> "Flags":
        """Read a command line without the program's name; words behind the flags are ignored.

        Raises:
            goflag.UsageError: it cannot be read.
            goflag.HelpWanted: `-help` was asked for.
        """
        values, _ = goflag.parse(_BY_NAME, words)
        return cls(**{_ATTRIBUTES[name]: value for name, value in values.items()})

    def described(self) -> dict[str, bool | int | str]:
        """Every flag by its name on the command line, as the log's first entry shows them."""
        return {flag.name: getattr(self, attribute) for attribute, flag in DECLARED.items()}


def usage(program: str) -> str:
    """What `-help` shows; `program` is argv[0] exactly as it was typed."""
    return goflag.usage(program, _BY_NAME)


# By attribute, in the order above.
DECLARED = {name: flag for name, flag in vars(Flags).items() if isinstance(flag, Flag)}
_ATTRIBUTES = {flag.name: attribute for attribute, flag in DECLARED.items()}
_BY_NAME = {flag.name: flag for flag in DECLARED.values()}
