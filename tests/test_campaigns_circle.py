"""What the market buys becomes orders, the warehouse sees campaigns and orders, and a budget is scored."""

import numpy as np
import pandas as pd
import pytest
from stores import company_fixture, store_fixture
from test_campaigns_market import PEOPLE, sent_campaign

from crmlab.analytical.warehouse import load_warehouse
from crmlab.operational import (
    create_promotion,
    issue_codes,
    observe_responses,
    past_response,
    plan_budget,
    promotion_report,
    score_budget,
)

company = company_fixture(PEOPLE)
store = store_fixture(PEOPLE)


def actions_for(company, count=1200):
    customers = company.customers["customer_id"].head(count)
    return pd.DataFrame({"action_id": customers, "customer_id": customers, "kind": "message", "channel": "email",
                         "message": "voucher", "at": pd.Timestamp("2026-01-12 09:00")})  # fmt: skip


def test_goods_change_no_reaction_and_cost_about_as_much(company):
    actions = actions_for(company)
    plain = company.react(actions, "2026-04-30", seed=1)
    goods = company.react(actions, "2026-04-30", seed=1, order_lines=True)
    same = ["action_id", "customer_id", "reaction", "at"]
    pd.testing.assert_frame_equal(plain[same], goods[same])
    bought = goods["reaction"] == "bought"
    assert bought.sum() > 100 and goods.loc[~bought, "order_lines"].isna().all()
    paid = plain.loc[bought, "amount_cents"].sum()
    assert goods.loc[bought, "amount_cents"].sum() == pytest.approx(paid, rel=0.03)
    price = company.products.set_index("product_id")["list_price_cents"]
    for row in goods[bought].itertuples():
        worth = sum(price[product] * quantity for product, quantity in row.order_lines)
        assert worth == row.amount_cents + row.discount_cents
    subscriptions = company.products.loc[company.products["category"] == "subscription", "product_id"]
    assert not {product for each in goods.loc[bought, "order_lines"] for product, _ in each} & set(subscriptions)
    fewer = company.react(actions.iloc[::-1].head(300), "2026-02-28", seed=1, order_lines=True)
    both = fewer.merge(goods, on=["action_id", "reaction", "at"], suffixes=("", "_all"))
    # A second record in the list takes purchases over: the others are the same.
    assert len(both) > 0.9 * len(fewer)
    assert (both["order_lines"].dropna() == both["order_lines_all"].dropna()).all()


def test_purchases_become_orders_once_and_the_warehouse_sees_them(store, company):
    number = sent_campaign(store)
    second = sent_campaign(store, "d", send="2026-01-13 10:00")
    before = store.sql("SELECT count(*) AS n, sum(amount_cents) AS paid FROM v_order")
    written = observe_responses(store, number, "2026-01-20", seed=2, company=company, place_orders=True)
    again = observe_responses(store, number, "2026-01-25", seed=2, company=company, place_orders=True)
    observe_responses(store, second, "2026-01-25", seed=2, company=company, place_orders=True)
    bought = store.sql("SELECT order_id, amount_cents, responded_at FROM campaign_response "
                       "JOIN campaign_member USING (campaign_member_id) WHERE campaign_id IN (?, ?) "
                       "AND reaction = 'bought'", [number, second])  # fmt: skip
    assert bought["order_id"].notna().all() and len(written["sales_order"]) and len(again["sales_order"])
    assert not bought.drop_duplicates(["order_id", "responded_at"])["order_id"].duplicated().any()
    own = bought.drop_duplicates("order_id")
    after = store.sql("SELECT count(*) AS n, sum(amount_cents) AS paid FROM v_order")
    assert after["n"].item() - before["n"].item() == len(own) < len(bought)
    assert after["paid"].item() - before["paid"].item() == own["amount_cents"].sum()
    placed = store.sql("SELECT o.ordered_at, l.at, l.actor_kind FROM sales_order AS o JOIN operation_log AS l "
                       "USING (operation_id) WHERE o.ordered_at > '2026'")  # fmt: skip
    assert (placed["ordered_at"] == placed["at"]).all() and set(placed["actor_kind"]) == {"customer"}
    with load_warehouse(store) as warehouse:
        campaigns = warehouse.sql("SELECT sum(revenue_cents) AS paid, sum(order_count) AS n FROM fact_campaign_contact "
                                  "WHERE campaign_key IN (?, ?)", [number, second])  # fmt: skip
        sales = warehouse.sql("SELECT sum(revenue_cents) AS paid FROM fact_sales")
    assert campaigns["n"].item() == len(bought) and campaigns["paid"].item() == bought["amount_cents"].sum()
    assert sales["paid"].item() == after["paid"].item()


def test_the_warehouse_agrees_with_the_store_on_every_campaign(store, company):
    sent_campaign(store)
    with load_warehouse(store) as warehouse:
        arms = warehouse.sql(
            """SELECT campaign_key AS campaign_id, arm, count(*) AS member_count, count(sent_date_key) AS sent_count,
              count(*) FILTER (is_opened) AS opened_count, count(*) FILTER (is_opted_out) AS opted_out_count,
              count(*) FILTER (purchase_count > 0) AS buyer_count, sum(purchase_count) AS purchase_count,
              sum(revenue_cents) AS amount_cents, sum(cost_cents) AS contact_cost_cents
            FROM fact_campaign_contact WHERE arm IS NOT NULL GROUP BY ALL ORDER BY campaign_id, arm"""
        )
        names = warehouse.sql("SELECT campaign_id, name FROM dim_campaign ORDER BY campaign_id")
        reasons = warehouse.sql("SELECT count(*) AS n FROM fact_campaign_contact WHERE is_suppressed")
    expected = store.sql("SELECT * FROM v_campaign_arm ORDER BY campaign_id, arm")[list(arms.columns)]
    pd.testing.assert_frame_equal(arms, expected, check_dtype=False)
    assert names["name"].to_list() == store.sql("SELECT name FROM campaign ORDER BY 1 + campaign_id")["name"].to_list()
    tally = store.sql("SELECT sum(suppressed_count) AS n FROM v_campaign_tally")
    assert reasons["n"].item() == tally["n"].item()


def test_an_earlier_day_sees_no_later_message_or_response(store, company):
    starts = company.campaigns.set_index("campaign_id")["start_date"]
    with load_warehouse(store, as_of=starts[3]) as warehouse:
        seen = warehouse.sql("SELECT campaign_key, max(sent_date_key) AS sent, sum(purchase_count) AS n "
                             "FROM fact_campaign_contact GROUP BY 1 ORDER BY 1")  # fmt: skip
        count = warehouse.sql("SELECT count(*) AS n FROM dim_campaign")["n"].item()
    assert seen["campaign_key"].max() == 3 and count == 3
    day = int(starts[3].strftime("%Y%m%d"))
    assert (seen["sent"].dropna() <= day).all()
    responses = company.campaign_responses.merge(company.campaign_contacts, on="campaign_contact_id")
    known = (responses["campaign_id"] == 3) & (responses["reaction"] == "bought")
    known &= responses["response_date"] <= starts[3]
    assert seen["n"].iloc[-1] == known.sum()


def test_codes_of_a_campaign_are_redeemed_once_by_the_market(store, company):
    number = sent_campaign(store)
    made = create_promotion(store, "c", percent_off=10, campaign_id=number, at="2026-01-10", valid_from="2026-01-12",
                        valid_until="2026-01-25")["promotion"]["promotion_id"].item()  # fmt: skip
    written_to = store.sql(
        "SELECT customer_id FROM campaign_member WHERE campaign_id = ? AND status = 'sent'", [number]
    )
    issue_codes(store, made, written_to["customer_id"], "2026-01-10", seed=1)
    written = observe_responses(store, number, "2026-01-25", seed=2, company=company, place_orders=True)
    uses, responses = written["promotion_redemption"], written["campaign_response"]
    reduced = responses[responses["discount_cents"].fillna(0) > 0]
    assert len(uses) == len(reduced) > 0 and uses["customer_id"].is_unique
    assert uses["discount_cents"].sum() == reduced["discount_cents"].sum()
    assert set(uses["order_id"]) == set(reduced["order_id"])
    report = promotion_report(store, made)
    assert (
        report.redemption_rate == len(uses) / len(written_to) and report.discount_cents == uses["discount_cents"].sum()
    )


def test_a_plan_is_scored_by_what_its_campaigns_brought(store, company):
    segments = company.customers[["customer_id"]].assign(segment="all")
    first = past_response(store, segments, margin_share=0.4, campaign_ids=[11])
    later = past_response(store, segments, margin_share=0.4, campaign_ids=[13, 14])
    plan = plan_budget(first.assign(people=500), 1_000)
    assert set(first["message"]) == {"new_roast"} and set(later["message"]) == {"gift_guide", "voucher"}
    assert score_budget(plan, later)["actual_profit_cents"].isna().all()
    scored = score_budget(plan, first)
    assert scored["error_cents"].abs().max() == pytest.approx(0, abs=1e-6) if len(scored) else True
    lifts = past_response(store, segments, margin_share=1.0)
    arm = company.campaign_contacts.merge(company.campaigns[["campaign_id", "channel", "message"]], on="campaign_id")
    voucher = arm[(arm["channel"] == "post") & (arm["message"] == "voucher")]
    held_out = voucher.groupby("campaign_id")["arm"].transform(lambda each: (each == "control").any())
    row = lifts[(lifts["channel"] == "post") & (lifts["message"] == "voucher")].iloc[0]
    assert row["treated_count"] == (voucher["arm"][held_out] == "treatment").sum()
    assert np.isfinite(row["standard_error_cents"]) and row["standard_error_cents"] > 0


def test_a_purchase_that_the_code_is_not_for_is_placed_at_list_prices(store, company):
    number = sent_campaign(store)
    create_promotion(store, "grinders", code="GRIND", percent_off=10, category="grinder", campaign_id=number,
                     at="2026-01-10", valid_from="2026-01-12", valid_until="2026-01-25")  # fmt: skip
    written = observe_responses(store, number, "2026-01-25", seed=2, company=company, place_orders=True)
    bought = written["campaign_response"].dropna(subset=["order_id"])
    lines = written["order_line"].merge(company.products[["product_id", "category"]], on="product_id")
    with_grinder = set(lines.loc[lines["category"] == "grinder", "order_id"])
    reduced = set(bought.loc[bought["discount_cents"] > 0, "order_id"])
    assert len(bought) > len(reduced) and reduced <= with_grinder


@pytest.mark.parametrize("with_code", [False, True])
def test_a_bundle_that_the_market_buys_costs_its_own_price_and_not_that_of_its_parts_besides(
    store, company, monkeypatch, with_code
):
    bundle_id = company.products.loc[company.products["type"] == "bundle", "product_id"].iloc[0]
    react = type(company).react

    def bundles_alone(self, *arguments, **options):
        reactions = react(self, *arguments, **options)
        bought = reactions["reaction"] == "bought"
        basket = pd.Series([((int(bundle_id), 1),)] * len(reactions), index=reactions.index)
        return reactions.assign(order_lines=basket.where(bought))

    monkeypatch.setattr(type(company), "react", bundles_alone)
    number = sent_campaign(store)
    if with_code:
        create_promotion(store, "all", code="TENOFF", percent_off=10, campaign_id=number, at="2026-01-10",
                         valid_from="2026-01-12", valid_until="2026-01-25")  # fmt: skip
    written = observe_responses(store, number, "2026-01-25", seed=2, company=company, place_orders=True)
    responses = written["campaign_response"].dropna(subset=["order_id"])
    at_list = company.products.set_index("product_id")["list_price_cents"].loc[bundle_id]
    assert len(responses) > 0
    assert written["order_line"]["parent_line_id"].notna().any()
    assert (responses["amount_cents"] + responses["discount_cents"]).eq(at_list).all()
    assert not with_code or "promotion_redemption" not in written
