"""The market reacts: what customers do after what was done to them, from the hidden truth of the company.

Each person has one future, fixed by the seed: what they would buy when left alone. An action changes that future: a
message may persuade somebody to buy, or put somebody off; an offer may keep somebody who was about to leave, remind
somebody to leave, or bring somebody back. So a person who is written to and the same person held out
differ by the effect of the message and by nothing else, and the difference of two groups is that effect and chance.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from crmlab.company.actions import DAY_SECONDS, Actions, read_actions, read_history
from crmlab.company.campaign_responses import REACTIONS
from crmlab.company.contract_ends import ENDED, contract_ends
from crmlab.company.future_purchases import order_amounts
from crmlab.company.market import Market
from crmlab.company.message_reaction import Influence, Messages, draw, message_influence, read_messages, reading
from crmlab.company.offer_reaction import after_offers, read_offers
from crmlab.company.offers import OFFER_DAYS, OFFERS
from crmlab.company.past_baskets import PastBaskets, draw_baskets, paid_cents
from crmlab.company.reached import Purchases, left_alone
from crmlab.company.responding import EFFECT_DAYS

#: Kinds of action that the market knows how to react to. Of two at one moment the later here gets the purchase.
KINDS = ("no_contact", "message", *OFFERS)
#: Whoever is persuaded buys after so many days in the mean, within ``EFFECT_DAYS``.
_MEAN_DELAY_DAYS = 4.0
_WINDOW_SECONDS = EFFECT_DAYS * DAY_SECONDS


def react(
    market: Market,
    actions: pd.DataFrame,
    until: object,
    *,
    seed: int,
    history: pd.DataFrame | None = None,
    watch_contracts: bool = False,
    baskets: PastBaskets | None = None,
) -> pd.DataFrame:
    """The reactions to ``actions`` up to the day ``until``: see ``Company.react``. With ``baskets`` purchases have
    goods, and cost what these cost."""
    if isinstance(seed, bool) or not hasattr(seed, "__index__") or seed < 0:
        raise ValueError(f"seed must be a whole number of at least 0 (found: {seed!r})")
    as_of, last_day = pd.Timestamp(market.assumptions.as_of), pd.Timestamp(until)
    if pd.isna(last_day) or last_day.tz is not None or last_day < as_of:
        raise ValueError(f"until must be a day from {as_of:%Y-%m-%d} on (found: {until!r})")
    last_day = last_day.normalize()
    listed = read_actions(actions, market, KINDS, last_day)
    messages = read_messages(seed, market, listed, read_history(history, market))
    offers = read_offers(seed, market, listed)
    days = (last_day - as_of).days
    # What an offer changes hangs on what would be later than the last day that is asked for.
    horizon = days + (OFFER_DAYS if len(offers.action) else EFFECT_DAYS)
    reached = after_offers(seed, market, listed, offers, left_alone(seed, market, listed, horizon), horizon)
    influence = message_influence(market, listed, messages, reached.leaves_second)
    influence.credit_cents[offers.action] = offers.credit_cents
    bought = _not_put_off(seed, market, listed, influence, reached.bought)
    persuaded_second = _persuaded(seed, market, listed, influence, bought)
    read = reading(seed, market, listed, messages, persuaded_second)
    rows = [
        *_rows_of_messages(messages, read),
        _rows_of_purchases(seed, market, listed, influence, bought),
        _rows_of_persuaded(seed, market, listed, influence, persuaded_second),
    ]
    if watch_contracts:
        rows.append(contract_ends(seed, market, listed, offers, horizon))
    told = pd.concat(rows, ignore_index=True)
    reactions, of_action, second = _frame(market, listed, told, days * DAY_SECONDS, watch_contracts)
    return reactions if baskets is None else _with_goods(seed, market, listed, baskets, reactions, of_action, second)


def _not_put_off(seed: int, market: Market, actions: Actions, influence: Influence, bought: Purchases) -> Purchases:
    """The purchases without those that an action drove away."""
    every = np.arange(len(actions.person))
    away = np.flatnonzero(draw(seed, "is put off", market, actions, every) < influence.put_off)
    first = np.searchsorted(bought.place, actions.place[away])
    last = np.searchsorted(bought.place, actions.place[away] + _WINDOW_SECONDS)
    steps = np.zeros(len(bought.person) + 1, dtype=np.int64)
    np.add.at(steps, first, 1)
    np.add.at(steps, last, -1)
    return bought.only(np.cumsum(steps)[:-1] == 0)


def _persuaded(seed: int, market: Market, actions: Actions, influence: Influence, bought: Purchases) -> np.ndarray:
    """When each action brings a purchase that would not have been; infinite where it brings none."""
    every = np.arange(len(actions.person))
    persuaded = draw(seed, "is persuaded", market, actions, every) < influence.persuasion
    # Whoever buys in these days anyway needed no persuading.
    first, last = (np.searchsorted(bought.place, actions.place + wait) for wait in (0, _WINDOW_SECONDS))
    share = draw(seed, "time of buying", market, actions, every)
    delay = -_MEAN_DELAY_DAYS * np.log1p(share * np.expm1(-EFFECT_DAYS / _MEAN_DELAY_DAYS))
    return np.where(persuaded & (first == last), actions.second + delay * DAY_SECONDS, np.inf)


def _rows(reaction: str, action: np.ndarray, second: np.ndarray, amount: np.ndarray | None = None) -> pd.DataFrame:
    amount = np.zeros(len(action), dtype=np.int64) if amount is None else amount
    return pd.DataFrame(
        {"action": action, "reaction": reaction, "second": second, "amount": amount, "discount": 0, "credit": 0}
    )


def _rows_of_messages(messages: Messages, read: tuple[np.ndarray, np.ndarray, np.ndarray]) -> list[pd.DataFrame]:
    opened, clicked, read_second = read
    out = np.flatnonzero(np.isfinite(messages.opt_out_second))
    return [
        _rows("opened", opened, read_second[opened]),
        _rows("clicked", clicked, read_second[clicked]),
        _rows("opted_out", messages.action[out], messages.opt_out_second[out]),
    ]


def _rows_of_purchases(
    seed: int, market: Market, actions: Actions, influence: Influence, bought: Purchases
) -> pd.DataFrame:
    """Purchases that would have been anyway, each as a reaction to the latest action before it."""
    action = np.searchsorted(actions.place, bought.place, side="right") - 1
    after = (action >= 0) & (actions.person[np.maximum(action, 0)] == bought.person)
    action, bought = action[after], bought.only(after)
    person = market.values("person_id", bought.person)
    middle = market.values("order_cents", bought.person)
    amount = order_amounts(seed, "amount", middle, person, bought.number)
    wait = bought.second - actions.second[action]
    # The credit of an offer is for one purchase, a voucher for each in its time.
    first = np.diff(action, prepend=-1) != 0
    return _rows("bought", action, bought.second, amount).assign(
        discount=np.where(wait < _WINDOW_SECONDS, influence.discount_percent[action], 0),
        credit=np.where(first & (wait < OFFER_DAYS * DAY_SECONDS), influence.credit_cents[action], 0),
    )


def _rows_of_persuaded(
    seed: int, market: Market, actions: Actions, influence: Influence, second: np.ndarray
) -> pd.DataFrame:
    action = np.flatnonzero(np.isfinite(second))
    person = actions.person[action]
    amount = order_amounts(
        seed, "amount when persuaded", market.values("order_cents", person), market.values("person_id", person),
        actions.second[action],
    )  # fmt: skip
    return _rows("bought", action, second[action], amount).assign(discount=influence.discount_percent[action])


def _frame(
    market: Market, actions: Actions, rows: pd.DataFrame, end: int, watch_contracts: bool
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """The reactions up to ``end`` as the sender sees them, in the order of time; the position of each one's action;
    and its second."""
    rows = rows[rows["second"] < end]
    of_action = actions.frame.iloc[rows["action"].to_numpy()].reset_index(drop=True)
    rows = rows.reset_index(drop=True)
    bought = rows["reaction"] == "bought"
    discount = np.minimum((rows["amount"] * rows["discount"] + 50) // 100 + rows["credit"], rows["amount"])
    midnight = pd.Timestamp(market.assumptions.as_of) + pd.Timedelta(days=1)
    frame = pd.DataFrame(
        {
            "action_id": of_action["action_id"],
            "customer_id": of_action["customer_id"],
            "reaction": rows["reaction"].astype(str),
            "at": (midnight + pd.to_timedelta(rows["second"].astype("int64"), unit="s")).astype("datetime64[us]"),
            "amount_cents": (rows["amount"] - discount).astype("Int64").where(bought),
            "discount_cents": discount.astype("Int64").where(bought),
        }
    )
    if watch_contracts:
        frame["contract"] = rows["contract"].astype("str")
        frame["contract_id"] = rows["contract_id"].astype("Int64")
    order = rows["reaction"].map({name: i for i, name in enumerate((*REACTIONS, ENDED))})
    key = of_action["action_id"].astype(str)
    place = pd.DataFrame({"at": frame["at"], "key": key, "order": order}).sort_values(["at", "key", "order"]).index
    second = rows["second"].astype("int64").to_numpy()
    return frame.loc[place].reset_index(drop=True), rows["action"].to_numpy()[place], second[place]


def _with_goods(
    seed: int,
    market: Market,
    actions: Actions,
    baskets: PastBaskets,
    reactions: pd.DataFrame,
    of_action: np.ndarray,
    second: np.ndarray,
) -> pd.DataFrame:
    """The reactions with ``voucher_percent`` and ``order_lines`` of purchases, whose amounts are those of the lines."""
    at = np.flatnonzero((reactions["reaction"] == "bought").to_numpy())
    amounts = reactions[["amount_cents", "discount_cents"]].iloc[at].astype("int64").to_numpy()
    worth = amounts.sum(axis=1)
    # A voucher is a whole percentage of an order of at least four euro: it can be read off. An offer's credit in money
    # is placed as the nearest percentage.
    percent = np.round(100 * amounts[:, 1] / worth).astype(np.int64)
    lines = draw_baskets(seed, market, baskets, actions.person[of_action[at]], second[at], worth)
    paid = [paid_cents(baskets, each, int(off)) for each, off in zip(lines, percent, strict=True)]
    goods = pd.DataFrame(
        {
            "amount_cents": pd.Series([each for each, _ in paid], index=at, dtype="Int64"),
            "discount_cents": pd.Series([off for _, off in paid], index=at, dtype="Int64"),
            "voucher_percent": pd.Series(percent, index=at, dtype="Int64"),
            "order_lines": pd.Series(lines, index=at, dtype="object"),
        }
    ).reindex(reactions.index)
    return reactions.assign(**{name: goods[name] for name in goods.columns})
