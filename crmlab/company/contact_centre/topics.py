"""What contacts are about, through which channel they come, and which queue they wait in."""

from __future__ import annotations

import numpy as np

TOPICS = ("order_status", "fault", "product_question", "return", "contract", "billing", "offer")
ORDER_STATUS, FAULT, PRODUCT_QUESTION, RETURN, CONTRACT, BILLING, OFFER = range(len(TOPICS))
CHANNELS = ("call", "chat", "email", "social", "ivr", "web")
CALL, CHAT, EMAIL, SOCIAL, IVR, WEB = range(len(CHANNELS))
QUEUES = ("orders", "technical", "chat", "email", "outbound")
ORDERS, TECHNICAL, CHATS, EMAILS, OUTBOUND = range(len(QUEUES))
OUTCOMES = (
    "resolved", "follow_up", "abandoned", "closed", "self_service", "left_self_service",
    "interested", "refused", "opted_out", "no_answer",
)  # fmt: skip
RESOLVED, FOLLOW_UP, ABANDONED, CLOSED, SELF_SERVICE, LEFT_SELF_SERVICE, INTERESTED, REFUSED, OPTED_OUT, NO_ANSWER = (
    range(len(OUTCOMES))
)

#: Kinds of channels (bool by channel): somebody talks now, somebody writes, somebody seeks help alone. And topics that
#: may be trouble with an order, or always leave a ticket.
IS_LIVE, IS_WRITTEN, IS_ALONE = (np.isin(np.arange(len(CHANNELS)), each) for each in ([0, 1], [2, 3], [4, 5]))
MAY_BE_TROUBLE = np.isin(np.arange(len(TOPICS)), [ORDER_STATUS, FAULT])
ALWAYS_A_TICKET = np.isin(np.arange(len(TOPICS)), [FAULT, RETURN])
_BY_CALL = np.where(np.isin(np.arange(len(TOPICS)), [FAULT, PRODUCT_QUESTION]), TECHNICAL, ORDERS)

#: An agent has three places: a call, an e-mail or an outbound call fills them all, three chats fit side by side.
AGENT_PLACES = 3
UNITS = np.array([3, 3, 1, 3, 3])
#: Who goes first, by channel: calls and chats, then social media, then e-mails. Offices go before that, and outbound
#: calls are made when nothing else is there.
PRIORITY = np.array([1, 1, 2, 3, 1, 1])
OFFICE_PRIORITY, OUTBOUND_PRIORITY = 0, 4

#: The channel of a first contact, by topic (rows) and channel (columns).
CHANNEL_SHARE = np.array(
    [
        [0.40, 0.12, 0.12, 0.02, 0.18, 0.16],
        [0.60, 0.10, 0.18, 0.02, 0.02, 0.08],
        [0.42, 0.20, 0.16, 0.03, 0.03, 0.16],
        [0.44, 0.12, 0.18, 0.01, 0.09, 0.16],
        [0.58, 0.12, 0.18, 0.01, 0.06, 0.05],
        [0.50, 0.12, 0.20, 0.01, 0.09, 0.08],
    ]
)
#: Seconds of talk in the middle (lognormal), by topic, and of the work after it.
TALK_MEDIAN = np.array([170.0, 390.0, 270.0, 230.0, 300.0, 240.0, 260.0])
WRAP_UP_MEDIAN = np.array([35.0, 110.0, 45.0, 70.0, 90.0, 60.0, 60.0])
TALK_SIGMA, WRAP_UP_SIGMA = 0.6, 0.5
#: Talk in a chat and work on a letter, against talk in a call.
CHAT_TALK_FACTOR, EMAIL_TALK_FACTOR = 2.0, 1.1
#: Log-odds that the first answer solves the matter, by topic, from an agent of the middle.
SOLVED_LOG_ODDS = np.array([1.1, 0.1, 1.1, 0.4, 0.4, 0.5, 0.0])
#: A wait weighs by its logarithm: ln(1 + wait / scale), the scale in seconds by channel.
WAIT_SCALE = np.array([60.0, 60.0, 4 * 3600.0, 4 * 3600.0, 60.0, 60.0])


def queue_of(topic: np.ndarray, channel: np.ndarray) -> np.ndarray:
    """The queue of each contact, position in ``QUEUES``.

    >>> queue_of(np.array([ORDER_STATUS, FAULT, FAULT, OFFER]), np.array([CALL, CALL, CHAT, CALL])).tolist()
    [0, 1, 2, 4]
    """
    queue = np.where(channel == CHAT, CHATS, np.where(IS_WRITTEN[channel], EMAILS, _BY_CALL[topic]))
    return np.where(topic == OFFER, OUTBOUND, queue)


def log_wait(wait_seconds: np.ndarray, channel: np.ndarray) -> np.ndarray:
    """How a wait is felt: ln(1 + wait / scale of the channel)."""
    return np.log1p(wait_seconds / WAIT_SCALE[channel])
