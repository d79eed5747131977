"""A queue that really runs: contacts arrive, wait for an agent with the skill, are answered or give up.

An event simulation. Formulas (``crmlab.analytical.contact_centre``) hold for a steady queue of one kind; this one takes
whatever a day brings: a rush at ten, agents on their break, skills, priorities, chats that one agent holds several of
at once. The company's own past was made with it, and a lesson asks it what one more agent would have changed.

Nothing in it is drawn by chance: the caller draws arrivals, patience and handling times. So two settings can be held
against each other on the very same contacts.
"""

from crmlab.contact_queue.run import QueueResult, run_queue
from crmlab.contact_queue.schedule import AgentSchedule, always_there

__all__ = ["AgentSchedule", "QueueResult", "always_there", "run_queue"]
