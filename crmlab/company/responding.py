"""How a person answers to being written to: channels, messages, and the chances behind an answer.

In a while without a message a person buys with a chance of their own, the **baseline**. A message changes that in two
ways: it may **persuade** somebody to buy who would not have bought, and it may **put off** somebody who would have.
So the chance of buying after a message is

    contacted = persuasion + (1 - persuasion) * (1 - put_off) * baseline

and what people would do gives four kinds: persuadables (buy only when written to), sure things (buy anyway), lost
causes (never buy) and sleeping dogs (buy only when left alone). Each person leans towards all four, more or less.
"""

from __future__ import annotations

import numpy as np
from scipy.special import softmax

from crmlab.company.assumptions import Assumptions
from crmlab.company.contact_points import KINDS

#: Channels are the kinds of addresses that they need.
CHANNELS = KINDS
MESSAGES = ("voucher", "new_roast", "gift_guide", "plan_advice")
KINDS_OF_RESPONSE = ("persuadable", "sure_thing", "lost_cause", "sleeping_dog")
#: A message works, in either direction, on what is bought from its day on within so many days.
EFFECT_DAYS = 14
#: How far back messages still tire their reader.
FATIGUE_DAYS = 30
#: No message persuades or puts off with a larger chance, however well it fits.
MOST = 0.9
#: What a voucher takes off unless it says otherwise, in percent.
VOUCHER_PERCENT = 10
#: What a contact costs, how much more a channel puts off than an e-mail, and how much likelier it makes an opt-out.
CONTACT_COST_CENTS = {"email": 3, "phone": 450, "post": 90}
CHANNEL_PUTS_OFF = np.array([1.0, 1.5, 0.5])
CHANNEL_OPT_OUT = np.array([1.0, 2.0, 0.3])
#: How much each message puts off: advice on another plan wakes those who would have gone on as they were.
MESSAGE_PUTS_OFF = np.array([0.5, 0.8, 0.8, 3.0])
#: Scores of the four kinds become weights that add up to 1: the larger this is, the further people lean.
_LEANING = 1.15


def contacted_probability(
    baseline: np.ndarray, persuasion: np.ndarray | float, put_off: np.ndarray | float
) -> np.ndarray:
    """The chance of buying after a message, from the chance without one.

    >>> round(float(contacted_probability(np.array(0.1), 0.02, 0.5)), 3)
    0.069
    """
    return persuasion + (1 - persuasion) * (1 - put_off) * baseline


def kind_weights(scores: np.ndarray) -> np.ndarray:
    """How far people lean towards each of ``KINDS_OF_RESPONSE``: (people, 4), each row adding up to 1."""
    return softmax(_LEANING * scores, axis=1)


def message_persuasion(given: Assumptions) -> np.ndarray:
    """How far an e-mail with each of ``MESSAGES`` persuades in the mean; 0 in a company without lift."""
    if given.absent == "lift":
        return np.zeros(len(MESSAGES))
    return np.array([getattr(given, f"{message}_persuasion") for message in MESSAGES])


def message_put_off(given: Assumptions) -> np.ndarray:
    """How far an e-mail with each of ``MESSAGES`` puts off in the mean; 0 in a company without lift."""
    return (0.0 if given.absent == "lift" else given.put_off) * MESSAGE_PUTS_OFF


def opt_out_probability(hazard: np.ndarray, messages: np.ndarray, power: float) -> np.ndarray:
    """The chance of an opt-out at the last of so many ``messages`` in 30 days: it grows with every one.

    >>> opt_out_probability(np.array([0.006, 0.006]), np.array([1, 4]), 1.5).round(4).tolist()
    [0.006, 0.0469]
    """
    return -np.expm1(-hazard * messages.astype(float) ** power)
