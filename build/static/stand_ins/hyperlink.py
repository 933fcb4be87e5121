"""Stands in for hyperlink, which autobahn imports for servers that redirect browsers."""


def __getattr__(name: str) -> object:
    raise AttributeError(f"hyperlink.{name} is not in this executable (build/static/stand_ins)")
