"""After any sequence of operations store and warehouse agree, to the cent, and loading again changes nothing.

A plain Python model keeps its own account of what was sold, returned and merged; store and warehouse are held against
it.
"""

import tempfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from crmlab.analytical.warehouse import load_warehouse
from crmlab.company import generate
from crmlab.operational import (
    RefusedOperation,
    add_customer,
    merge_customers,
    open_store,
    open_ticket,
    permission,
    place_order,
    record_consent,
    return_order_line,
    undo_merge,
    update_customer,
)

EMAILS = ["anna@example.org", "ANNA@example.org", "bob@example.org", "o'brien@example.org"]


class Circle(RuleBasedStateMachine):
    """Random work in the front office; ``folder`` is set by the test below."""

    folder: Path

    @initialize()
    def begin(self):
        self.place = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.path = Path(self.place.name) / "warehouse.duckdb"
        self.store = open_store(company=self.folder)
        self.now = pd.Timestamp("2026-01-01")
        self.revenue = int(self.store.sql("SELECT sum(amount_cents) AS n FROM v_order")["n"].iloc[0])
        self.refunds = int(self.store.sql("SELECT sum(refund_cents) AS n FROM order_return")["n"].iloc[0])
        self.customers = self.store.sql("SELECT customer_id FROM customer")["customer_id"].to_list()
        self.winner_of: dict[int, int] = {}
        self.lines: dict[int, list[int]] = {}
        self.opted_out: set[str] = set()
        self.steps_since_load = 0

    def survivor(self, customer):
        while customer in self.winner_of:
            customer = self.winner_of[customer]
        return customer

    def pick(self, number):
        return self.customers[number % len(self.customers)]

    @rule(seconds=st.sampled_from([0, 1, 3600, 86_400, 86_400 * 31]))
    def time_passes(self, seconds):
        self.now += pd.Timedelta(seconds=seconds)

    @rule(
        number=st.integers(0, 400),
        lines=st.lists(st.tuples(st.integers(1, 47), st.integers(1, 5)), min_size=1, max_size=3),
        voucher=st.sampled_from([0, 5, 15, 100]),
    )
    def order(self, number, lines, voucher):
        customer = self.pick(number)
        if customer in self.winner_of:
            with pytest.raises(RefusedOperation, match=rf"surviving record, customer_id {self.survivor(customer)}\)$"):
                place_order(self.store, customer, lines, "web", self.now, voucher_percent=voucher)
            return
        written = place_order(self.store, customer, lines, "web", self.now, voucher_percent=voucher)["order_line"]
        for line in written.itertuples():
            self.lines[line.order_line_id] = [line.quantity, line.unit_price_cents]
            self.revenue += line.quantity * line.unit_price_cents

    @precondition(lambda self: self.lines)
    @rule(number=st.integers(0, 50), quantity=st.integers(1, 5))
    def bring_back(self, number, quantity):
        line = list(self.lines)[number % len(self.lines)]
        left, price = self.lines[line]
        if quantity > left:
            with pytest.raises(RefusedOperation, match="no more comes back than was bought"):
                return_order_line(self.store, line, quantity, self.now, "changed_mind")
            return
        return_order_line(self.store, line, quantity, self.now, "changed_mind")
        self.lines[line][0] -= quantity
        self.refunds += quantity * price

    @rule(name=st.text(min_size=1, max_size=8).filter(lambda name: name.strip(" ")), email=st.sampled_from(EMAILS))
    def record(self, name, email):
        try:
            written = add_customer(self.store, name, [("email", email)], self.now)
        except UnicodeEncodeError:
            return
        self.customers.append(written["customer"]["customer_id"].item())

    @rule(winner=st.integers(0, 6), loser=st.integers(0, 6))
    def merge(self, winner, loser):
        winner, loser = self.pick(winner), self.pick(loser)
        if winner == loser or winner in self.winner_of or loser in self.winner_of:
            with pytest.raises(RefusedOperation):
                merge_customers(self.store, winner, loser, self.now)
            return
        merge_customers(self.store, winner, loser, self.now)
        self.winner_of[loser] = winner

    @precondition(lambda self: self.winner_of)
    @rule(number=st.integers(0, 10))
    def undo(self, number):
        loser = list(self.winner_of)[number % len(self.winner_of)]
        undo_merge(self.store, loser, self.now)
        del self.winner_of[loser]

    @rule(number=st.integers(0, 6), code=st.sampled_from(["01067", "99999", "50667"]))
    def move(self, number, code):
        update_customer(self.store, self.survivor(self.pick(number)), self.now, postal_code=code)

    @rule(number=st.integers(0, 400))
    def ask(self, number):
        open_ticket(self.store, self.survivor(self.pick(number)), "☕ is cold; DROP TABLE ticket", self.now)

    @rule(email=st.sampled_from(EMAILS), action=st.sampled_from(["opt_in", "confirmed_opt_in", "opt_out"]))
    def say(self, email, action):
        self.now += pd.Timedelta(seconds=1)
        source = {"opt_in": "bought_list", "confirmed_opt_in": "confirmation_link", "opt_out": "unsubscribe_link"}[
            action
        ]
        record_consent(self.store, "email", email, action, self.now, source=source)
        if action == "opt_out":
            self.opted_out.add(email.lower())
        if action == "confirmed_opt_in":
            self.opted_out.discard(email.lower())

    # A load takes a third of a second: not after each step.
    @precondition(lambda self: self.steps_since_load >= 8)
    @rule()
    def load_in_between(self):
        self.load_and_compare()

    def load_and_compare(self):
        self.steps_since_load = 0
        self.warehouse = load_warehouse(self.store, self.path, as_of=max(self.now, self.store.as_of))
        sold = self.warehouse.sql(
            """SELECT (SELECT sum(revenue_cents) FROM fact_sales) AS revenue,
              (SELECT count(DISTINCT order_id) FROM fact_sales) AS orders,
              (SELECT sum(refund_cents) FROM fact_return) AS refunds,
              (SELECT count(*) FROM dim_customer WHERE is_current) AS customers,
              (SELECT count(*) FROM fact_ticket) AS tickets"""
        ).iloc[0]
        assert (sold.revenue, sold.refunds, sold.customers) == (self.revenue, self.refunds, len(self.customers))
        assert sold.orders == self.store.sql("SELECT count(*) AS n FROM sales_order")["n"].item()
        assert sold.tickets == self.store.sql("SELECT count(*) AS n FROM ticket")["n"].item()
        by_person = """SELECT surviving_customer_id AS s, coalesce(sum(revenue_cents), 0) AS revenue
            FROM dim_customer LEFT JOIN fact_sales USING (customer_key) GROUP BY ALL ORDER BY s"""
        in_store = """SELECT surviving_customer_id AS s, ifnull(sum(amount_cents), 0) AS revenue
            FROM (SELECT DISTINCT surviving_customer_id FROM v_customer) LEFT JOIN v_order USING (surviving_customer_id)
            GROUP BY 1 ORDER BY 1"""
        people = self.warehouse.sql(by_person)
        pd.testing.assert_frame_equal(people, self.store.sql(in_store))
        assert set(people["s"]) == {self.survivor(customer) for customer in self.customers}

    @invariant()
    def the_store_agrees_with_the_model(self):
        if not hasattr(self, "store"):
            return
        self.steps_since_load += 1
        assert self.store.sql("SELECT sum(amount_cents) AS n FROM v_order")["n"].item() == self.revenue
        assert self.store.sql("SELECT sum(refund_cents) AS n FROM order_return")["n"].item() == self.refunds
        for email in EMAILS:
            state = permission(self.store, "email", email, self.now)
            assert (state == "opted_out") == (email.lower() in self.opted_out)

    def teardown(self):
        if not hasattr(self, "store"):
            return
        self.load_and_compare()
        before = self.warehouse.content_hash()
        assert load_warehouse(self.store, self.path, as_of=self.warehouse.as_of).content_hash() == before
        assert self.store.connection.execute("PRAGMA foreign_key_check").fetchall() == []
        self.store.close()
        self.place.cleanup()


def test_store_and_warehouse_agree_after_any_sequence_of_operations(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("CRMLAB_CACHE", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.setattr(Circle, "folder", generate(60, 5, tmp_path_factory.mktemp("company") / "tiny"), raising=False)
    run_state_machine_as_test(
        Circle,
        settings=settings(
            max_examples=8,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=True,
        ),
    )
