"""The agents of the contact centre: which queues they serve, what an hour costs, and how fast and good they are."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crmlab.company.contact_centre.topics import CHATS, EMAILS, ORDERS, OUTBOUND, QUEUES, TECHNICAL

#: Numbers of agents whom a partner lends when the company's own do not suffice.
FIRST_PARTNER_AGENT = 1001
_PARTNER_WAGE_CENTS = (2300, 2900)


@dataclasses.dataclass(frozen=True)
class Agents:
    """One value an agent: ``agent_id``, ``skills`` (bool, agents by queues), ``hourly_wage_cents``; and what nobody
    sees: ``pace`` (factor on the handling time), ``solved_log_odds`` and ``rating_effect``."""

    agent_id: np.ndarray
    skills: np.ndarray
    hourly_wage_cents: np.ndarray
    pace: np.ndarray
    solved_log_odds: np.ndarray
    rating_effect: np.ndarray

    def table(self) -> pa.Table:
        """Table ``agents``."""
        queues = ["|".join(np.array(QUEUES)[row]) for row in self.skills]
        return pa.table(
            {
                "agent_id": self.agent_id.astype(np.int32),
                "employer": pa.array(np.where(self.agent_id < FIRST_PARTNER_AGENT, "own", "partner")),
                "queues": queues,
                "hourly_wage_cents": self.hourly_wage_cents.astype(np.int32),
            }
        )

    def truth(self) -> pa.Table:
        """Hidden table ``agents``."""
        hidden = ("pace", "solved_log_odds", "rating_effect")
        return pa.table({"agent_id": self.agent_id.astype(np.int32), **{name: getattr(self, name) for name in hidden}})


def draw_agents(rng: np.random.Generator, staff: pa.Table, needed: int) -> Agents:
    """The agents among the ``staff``, and as many from a partner as are ``needed`` beyond them."""
    own = staff.filter(pc.equal(staff["role"], "agent"))
    lent = max(needed - len(own), 0)
    count = len(own) + lent
    partner_wage = rng.integers(*_PARTNER_WAGE_CENTS, lent)
    skills = np.zeros((count, len(QUEUES)), dtype=bool)
    number = np.arange(count)
    skills[:, [ORDERS, EMAILS, OUTBOUND]] = True
    # Two of three know machines; three of four can chat.
    skills[:, TECHNICAL] = number % 3 < 2
    skills[:, CHATS] = number % 4 < 3
    return Agents(
        agent_id=np.concatenate([own["staff_id"].to_numpy(), FIRST_PARTNER_AGENT + np.arange(lent)]).astype(np.int64),
        skills=skills,
        hourly_wage_cents=np.concatenate([own["hourly_cost_cents"].to_numpy(), partner_wage]).astype(np.int64),
        pace=np.exp(rng.normal(0, 0.12, count)).round(4),
        solved_log_odds=rng.normal(0, 0.35, count).round(4),
        rating_effect=rng.normal(0, 0.15, count).round(4),
    )
