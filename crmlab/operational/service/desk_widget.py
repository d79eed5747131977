"""The agent's desk on one screen, over the same operations that work without it."""

from __future__ import annotations

import datetime
import html

import ipywidgets
import pandas as pd

from crmlab.operational.moments import moment
from crmlab.operational.refusal import RefusedOperation
from crmlab.operational.service.call_scripts import answer_script, start_script
from crmlab.operational.service.callers import identify_caller, link_caller
from crmlab.operational.service.contact_queue import end_contact, finish_wrap_up
from crmlab.operational.service.desk import open_desk
from crmlab.operational.store import Store


class DeskWidget:
    """Five panes (queue, contact at hand, caller's card, script, ticket) and one line to type into. Each press on a
    button is an operation, and moves the desk's own clock on by ``step_seconds``: there is no other clock.

    ``panel`` is the widget to show; ``press(button, text)`` does what a click does.
    """

    def __init__(self, store: Store, agent_id: int, at: str | datetime.date, script: str, *, step_seconds: int = 20):
        self.store, self.agent_id, self.script_name = store, agent_id, script
        self.at, self.step_seconds = moment(at), step_seconds
        self._panes = {name: ipywidgets.HTML() for name in ("queue", "at hand", "card", "script", "ticket")}
        self._line = ipywidgets.Text(placeholder="telephone number, answer, or outcome")
        self._message = ipywidgets.HTML()
        buttons = [ipywidgets.Button(description=name) for name in self._operations]
        for button in buttons:
            button.on_click(lambda pressed: self.press(pressed.description, self._line.value))
        left = ipywidgets.VBox([self._panes["queue"], self._panes["at hand"], self._panes["card"]])
        right = ipywidgets.VBox([self._panes["script"], self._panes["ticket"]])
        self.panel = ipywidgets.VBox(
            [ipywidgets.HBox([left, right]), self._line, ipywidgets.HBox(buttons), self._message]
        )
        self._show("")

    @property
    def _operations(self) -> dict[str, object]:
        return {"identify": self._identify, "start script": self._start, "answer": self._answer, "end": self._end,
                "wrap up": self._wrap_up}  # fmt: skip

    def press(self, button: str, text: str = "") -> None:
        """Do what the button says for the contact at hand; what the store refuses is shown below the buttons."""
        at = (datetime.datetime.fromisoformat(self.at) + datetime.timedelta(seconds=self.step_seconds)).isoformat()
        contacts = open_desk(self.store, self.agent_id, self.at).contacts
        try:
            if contacts.empty:
                raise RefusedOperation("the desk has a contact", "none", "a contact at hand")
            message = self._operations[button](contacts["interaction_id"].iloc[0].item(), text, at) or ""
        except RefusedOperation as error:
            self._show(str(error))
            return
        self.at = at
        self._line.value = ""
        self._show(message)

    def _identify(self, interaction_id: int, text: str, at: str) -> None:
        found = identify_caller(self.store, text, at)
        if len(found) != 1:
            names = ", ".join(f"{row.customer_id} {row.last_name}" for row in found.itertuples())
            raise RefusedOperation("one customer has this number", names or "nobody", "one; else ask for the name")
        link_caller(self.store, interaction_id, found["customer_id"].item(), at, by=self.agent_id)

    def _start(self, interaction_id: int, text: str, at: str) -> None:
        start_script(self.store, interaction_id, self.script_name, at, by=self.agent_id)

    def _answer(self, interaction_id: int, text: str, at: str) -> str:
        run = self.store.sql(
            "SELECT dialogue_run_id FROM dialogue_run WHERE interaction_id = ? AND ended_at IS NULL", [interaction_id]
        )
        if run.empty:
            raise RefusedOperation("a script is open", "none", "start script")
        written = answer_script(self.store, run["dialogue_run_id"].item(), text, at, by=self.agent_id)
        return "" if written["dialogue_answer"]["is_valid"].item() else f"no valid answer: {text!r}; ask again"

    def _end(self, interaction_id: int, text: str, at: str) -> None:
        end_contact(self.store, interaction_id, at, by=self.agent_id)

    def _wrap_up(self, interaction_id: int, text: str, at: str) -> None:
        finish_wrap_up(self.store, interaction_id, at, by=self.agent_id, outcome=text or None)

    def _show(self, message: str) -> None:
        desk = open_desk(self.store, self.agent_id, self.at)
        shown = desk.queue[["interaction_id", "channel", "priority", "waiting_seconds"]]
        at_hand = desk.contacts[["interaction_id", "channel", "topic", "status"]]
        frames = {"queue": shown, "at hand": at_hand, "card": desk.card, "script": desk.script, "ticket": desk.ticket}
        for name, frame in frames.items():
            self._panes[name].value = _pane(name, frame)
        step = desk.next_step or "nothing: wait for the next contact"
        self._message.value = (
            f"{html.escape(self.at)} · next step: <b>{html.escape(step)}</b><br>{html.escape(message)}"
        )


def _pane(name: str, frame: pd.DataFrame) -> str:
    if frame.empty:
        return f"<h4>{name}</h4><i>nothing here</i>"
    texts = frame.astype(str).where(frame.notna(), "")
    return f"<h4>{name}</h4>{texts.to_html(index=False, border=0)}"
