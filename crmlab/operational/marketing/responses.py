"""Responses: what customers did after a campaign, in both arms, as far as the company can see it.

In the course the market is simulated: ``Company.react`` says what those who were written to and those who were held
out do, from the hidden truth. What it says is written down here as any campaign tool would: who opened, clicked,
bought and opted out, and when. An opt-out becomes a consent at once, so that the next send heeds it.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence

import pandas as pd

from crmlab.company.observed import Company, open_company
from crmlab.operational.marketing.campaigns import Campaign, read_campaign
from crmlab.operational.marketing.promotion_codes import reduced_prices, same_person, usable_promotion
from crmlab.operational.moments import day
from crmlab.operational.operation import Actor, Operation, running_operation, whole_number
from crmlab.operational.refusal import RefusedOperation
from crmlab.operational.sales.accepted_offers import WantedLine
from crmlab.operational.sales.orders import insert_order
from crmlab.operational.sales.prices import priced
from crmlab.operational.store import Store
from crmlab.operational.template import company_key

_SYSTEM = Actor("system")


def observe_responses(
    store: Store,
    campaign_id: int,
    until: str | datetime.date,
    *,
    seed: int,
    company: Company | None = None,
    place_orders: bool = False,
) -> dict[str, pd.DataFrame]:
    """Write down what the market did about a campaign up to the end of the day ``until``.

    Parameters
    ----------
    seed: the market's luck. One store has one future: all its observations use the same seed.
    company: the company that the store was filled from; the course company unless given.
    place_orders: whether what was bought is placed as orders on the web, with goods, at the moment of the purchase.
        Where the campaign has a promotion with a code for the customer, it is redeemed in place of the voucher, once.

    A purchase counts with the campaign from the moment that its member is watched from up to the campaign's last day,
    whatever else the member was sent. Two campaigns at one time both count it: do not add them up. A second
    observation writes only what is new, and a purchase that another campaign counted already is not placed again.
    Without ``place_orders`` the market names amounts only, and these purchases are no orders.

    Returns the rows written: ``operation_log, campaign_observation, campaign_response, consent``, and with
    ``place_orders`` those of ``place_order``. Raises ``RefusedOperation``: another seed, another company, a campaign of
    the past or of service mail.
    """
    until, campaign_id = day(until), whole_number("campaign_id", campaign_id)
    seed = whole_number("seed", seed, least=0)
    company = open_company() if company is None else company
    if company_key(company) != store.company_key:
        rule = "the market is that of the store's own company"
        raise RefusedOperation(
            rule, f"the company in {company.folder.name!r}", "the one that the store was filled from"
        )
    with running_operation(store, "observe_responses", f"{until}T23:59:59", _SYSTEM) as operation:
        campaign = read_campaign(operation, campaign_id)
        _check(operation, campaign, until, company.as_of)
        operation.insert("campaign_observation", campaign_id=campaign_id, until_date=until, seed=seed,
                         operation_id=operation.operation_id)  # fmt: skip
        members = _members(operation, campaign_id)
        actions, history = _actions(operation, campaign_id, company.as_of, f"{until}T23:59:59")
        reactions = company.react(actions, until, seed=seed, history=history, order_lines=place_orders)
        for row in _new_responses(operation, campaign, members, reactions):
            if place_orders and row["reaction"] == "bought":
                row = _with_order(operation, campaign, members.loc[row["campaign_member_id"]], row)
            row = {name: value for name, value in row.items() if name not in ("order_lines", "voucher_percent")}
            operation.insert("campaign_response", **row, operation_id=operation.operation_id)
            if row["reaction"] == "opted_out":
                _keep_opt_out(operation, campaign, members.loc[row["campaign_member_id"]], row["responded_at"])
    for table in ("campaign_response", "consent"):
        operation.written.setdefault(table, store.sql(f"SELECT * FROM {table} WHERE 0"))
    return operation.written


def _check(operation: Operation, campaign: Campaign, until: str, as_of: pd.Timestamp) -> None:
    if campaign.purpose != "marketing":
        rule = "responses are observed for marketing"
        raise RefusedOperation(rule, f"{campaign.name!r} of purpose {campaign.purpose}", "a marketing campaign")
    if campaign.start_date <= as_of.strftime("%Y-%m-%d"):
        rule = "what came of a campaign of the past stands in the store"
        raise RefusedOperation(rule, f"{campaign.name!r} of {campaign.start_date}", f"one after {as_of:%Y-%m-%d}")
    if until < campaign.start_date:
        raise RefusedOperation("a campaign is observed after it began", until, f"{campaign.start_date} or later")
    if operation.one("SELECT 1 FROM campaign_member WHERE campaign_id = ? AND watched_from IS NOT NULL",
                     campaign.campaign_id) is None:  # fmt: skip
        rule = "a campaign is observed when somebody is on it"
        raise RefusedOperation(rule, f"{campaign.name!r} with nobody scheduled", "draw_audience and schedule_campaign")


def _members(operation: Operation, campaign_id: int) -> pd.DataFrame:
    """The members with an arm, by campaign_member_id."""
    rows = operation.all(
        """SELECT m.campaign_member_id, m.customer_id, v.surviving_customer_id, m.status, m.watched_from, p.kind,
          p.address_hash
        FROM campaign_member AS m JOIN v_customer AS v USING (customer_id)
        JOIN contact_point AS p USING (contact_point_id)
        WHERE m.campaign_id = ? AND m.watched_from IS NOT NULL""",
        campaign_id,
    )
    names = ["campaign_member_id", "customer_id", "survivor", "status", "watched_from", "kind", "address_hash"]
    return pd.DataFrame(rows, columns=names).set_index("campaign_member_id")


def _actions(
    operation: Operation, campaign_id: int, as_of: pd.Timestamp, end: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What was done up to ``end``: this campaign's members are watched from their beginning on, and every message,
    of whichever campaign, was sent; and the messages of the company's past, which still tire their readers."""
    watched = operation.all(
        """SELECT 'watched ' || campaign_member_id, customer_id, watched_from, 'no_contact', NULL, NULL, NULL
        FROM campaign_member WHERE campaign_id = ? AND watched_from <= ?""",
        campaign_id, end,
    )  # fmt: skip
    sent = operation.all(
        """SELECT m.campaign_member_id, m.customer_id, m.sent_at, 'message', c.channel, c.message,
          CASE c.message WHEN 'voucher' THEN c.discount_percent END
        FROM campaign_member AS m JOIN campaign AS c USING (campaign_id)
        WHERE m.status = 'sent' AND c.purpose = 'marketing' AND m.sent_at <= ? ORDER BY 1""",
        end,
    )
    names = ["action_id", "customer_id", "at", "kind", "channel", "message", "discount_percent"]
    frame = pd.DataFrame([*watched, *sent], columns=names)
    frame = frame.assign(action_id=frame["action_id"].astype(str), at=pd.to_datetime(frame["at"]))
    is_past = frame["at"] <= as_of
    return frame[~is_past].reset_index(drop=True), frame[is_past].reset_index(drop=True)


def _new_responses(
    operation: Operation, campaign: Campaign, members: pd.DataFrame, reactions: pd.DataFrame
) -> list[dict[str, object]]:
    """The reactions that belong to this campaign and are not written yet."""
    # The truth is exact to less than a second; the store writes seconds.
    reactions = reactions.assign(at=reactions["at"].dt.floor("s").dt.strftime("%Y-%m-%dT%H:%M:%S"))
    survivor_of = dict(operation.all("SELECT customer_id, surviving_customer_id FROM v_customer"))
    member_of = dict(zip(members["survivor"], members.index, strict=True))
    begins = members["watched_from"].to_dict()
    known = set(operation.all(
        """SELECT campaign_member_id, reaction, responded_at FROM campaign_response JOIN campaign_member
        USING (campaign_member_id) WHERE campaign_id = ?""", campaign.campaign_id))  # fmt: skip
    own = {str(member_id): member_id for member_id in members.index}
    rows = []
    for action_id, customer_id, reaction, at, amount, discount, *goods in reactions.itertuples(index=False, name=None):
        bought = reaction == "bought"
        member_id = member_of.get(survivor_of[customer_id]) if bought else own.get(action_id)
        if member_id is None or (member_id, reaction, at) in known:
            continue
        if bought and not begins[member_id] <= at <= f"{campaign.end_date}T23:59:59":
            continue
        known.add((member_id, reaction, at))
        amounts = {"amount_cents": int(amount), "discount_cents": int(discount)} if bought else {}
        bought_goods = dict(zip(("voucher_percent", "order_lines"), goods, strict=False)) if bought else {}
        rows.append({"campaign_member_id": int(member_id), "reaction": reaction, "responded_at": at, **amounts,
                     **bought_goods})  # fmt: skip
    return rows


def _with_order(
    operation: Operation, campaign: Campaign, member: pd.Series, row: dict[str, object]
) -> dict[str, object]:
    """A purchase with its order, which is placed unless another campaign's observation did."""
    customer_id, at = int(member["survivor"]), row["responded_at"]
    placed = operation.one(
        """SELECT r.order_id FROM campaign_response AS r JOIN sales_order AS o USING (order_id)
        WHERE r.responded_at = ? AND o.ordered_at = r.responded_at AND o.customer_id = ?""", at, customer_id,
    )  # fmt: skip
    if placed is None:
        # The customer ordered, at that moment; the observation only found it out.
        log_id = operation.insert("operation_log", operation="place_order", at=at, actor_kind="customer",
                                  customer_id=customer_id)  # fmt: skip
        has_promotion, code = _usable_code(operation, campaign, customer_id, at, row["order_lines"])
        voucher_percent = 0 if has_promotion else int(row["voucher_percent"])
        lines = [WantedLine(*each) for each in row["order_lines"]]
        order_id = insert_order(operation, customer_id, lines, "web", at, operation_id=log_id,
                                voucher_percent=voucher_percent,
                                promotion_code=code if row["voucher_percent"] else None)  # fmt: skip
    else:
        (order_id,) = placed
    # What is paid for a bundle stands on its parts, its list price on its own line.
    paid, at_list = operation.one(
        """SELECT sum(l.quantity * l.unit_price_cents), sum(iif(l.parent_line_id IS NULL, l.quantity, 0) * (
          SELECT list_price_cents FROM price WHERE product_id = l.product_id AND valid_from <= substr(?, 1, 10)
          ORDER BY valid_from DESC LIMIT 1)) FROM order_line AS l WHERE order_id = ?""", at, order_id,
    )  # fmt: skip
    return {**row, "order_id": order_id, "amount_cents": paid, "discount_cents": at_list - paid}


def _usable_code(
    operation: Operation, campaign: Campaign, customer_id: int, at: str, lines: Sequence[tuple[int, int]]
) -> tuple[bool, str | None]:
    """Whether the campaign's reduction goes by a code, and the customer's code where it may be used for these lines."""
    own = ", ".join(map(str, sorted(same_person(operation, customer_id))))
    codes = operation.all(
        f"""SELECT c.code FROM promotion_code AS c JOIN promotion AS f USING (promotion_id)
        WHERE f.campaign_id = ? AND (c.customer_id IS NULL OR c.customer_id IN ({own}))
        ORDER BY c.customer_id IS NULL""",
        campaign.campaign_id,
    )
    asked = [(priced(operation, product_id, at), quantity) for product_id, quantity in lines] if codes else []
    for (code,) in codes:
        try:
            promotion = usable_promotion(operation, code, customer_id, at)
            reduced_prices(promotion, asked)
        except RefusedOperation:
            continue
        return True, promotion.code
    has_promotion = operation.one("SELECT 1 FROM promotion WHERE campaign_id = ?", campaign.campaign_id) is not None
    return has_promotion, None


def _keep_opt_out(operation: Operation, campaign: Campaign, member: pd.Series, at: str) -> None:
    operation.insert(
        "consent",
        kind=member["kind"],
        address_hash=member["address_hash"],
        purpose=campaign.purpose,
        action="opt_out",
        reason=f"campaign {campaign.campaign_id}",
        source="unsubscribe_link" if member["kind"] == "email" else "contact_centre",
        at=at,
        operation_id=operation.operation_id,
    )
