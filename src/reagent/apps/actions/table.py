"""Which function a verb is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from reagent.apps.actions import cancel
from reagent.apps.actions.pull import pull
from reagent.apps.actions.recover import recover_to_present, recover_to_running
from reagent.apps.actions.remove import remove
from reagent.apps.actions.run import run
from reagent.apps.actions.stay import stay
from reagent.apps.actions.stop import stop
from reagent.apps.actions.uninstall import uninstall
from reagent.apps.actions.update import update
from reagent.apps.actions.workshop import Action, Job
from reagent.apps.transitions import LATER, Verb
from reagent.errors import NotInThisVersion
from reagent.model.app import State

ACTIONS: Final[Mapping[Verb, Action]] = {
    Verb.STAY: stay,
    Verb.PULL: pull,
    Verb.RUN: run,
    Verb.STOP: stop,
    Verb.REMOVE: remove,
    Verb.UNINSTALL: uninstall,
    Verb.UPDATE: update,
    Verb.RECOVER_TO_PRESENT: recover_to_present,
    Verb.RECOVER_TO_RUNNING: recover_to_running,
    Verb.CANCEL_PULL: cancel.cancel_pull,
    Verb.CANCEL_BUILD: cancel.cancel_build,
    Verb.CANCEL_PUSH: cancel.cancel_push,
    Verb.CANCEL_TRANSFER: cancel.cancel_transfer,
    Verb.CANCEL_UPDATE: cancel.cancel_update,
    Verb.CANCEL_UPDATE_AND_REMOVE: cancel.cancel_update_and_remove,
    Verb.CANCEL_UPDATE_AND_UNINSTALL: cancel.cancel_update_and_uninstall,
}


def action_for(verb: Verb, job: Job) -> Action:
    """The function that does it.

    Raises:
        NotInThisVersion: it is part of the life cycle, and not built yet. Nothing was touched.
    """
    if job.wanted.docker_compose is not None and verb != Verb.STAY:
        raise NotInThisVersion(f"{verb}: compose apps are not in this version")
    if verb == Verb.STOP and job.wanted.target == State.BUILT and Verb.BUILD in LATER:
        # Nothing is stopped for a build that is not done.
        verb = Verb.BUILD
    if verb in LATER:
        raise NotInThisVersion(f"{verb}: not in this version")
    return ACTIONS[verb]
