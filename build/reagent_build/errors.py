"""What can go wrong in a build. The text is for the person who runs it and names what to do."""


class BuildError(Exception):
    """The build cannot go on."""


class EngineUnreachableError(BuildError):
    """No Docker engine answers, or its client is not installed."""
